import "@xterm/xterm/css/xterm.css";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal as Xterm, type ITheme } from "@xterm/xterm";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { LineDiscipline } from "../lib/line-discipline";
import { useModel, type Model, type Screen } from "../model/model";

const SGR = {
  quiet: "\x1b[90m",
  good: "\x1b[32m",
  bad: "\x1b[31m",
  stderr: "\x1b[33m",
  reset: "\x1b[0m",
} as const;

/** The page's colours, as xterm wants them. */
function themeOf(element: HTMLElement): ITheme {
  const style = getComputedStyle(element);
  // A canvas resolves what CSS computes (light-dark(), color-mix()) to a plain colour.
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colour = (name: string): string => {
    if (!probe) return "#888";
    probe.clearRect(0, 0, 1, 1);
    probe.fillStyle = style.getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
    return `rgb(${String(r)}, ${String(g)}, ${String(b)})`;
  };
  return {
    background: "rgba(0, 0, 0, 0)",
    foreground: colour("--term-ink"),
    cursor: colour("--term-cursor"),
    selectionBackground: colour("--term-selection"),
    black: colour("--term-ink"),
    red: colour("--coral-raw"),
    green: colour("--moss-raw"),
    yellow: colour("--amber-raw"),
    blue: colour("--water-raw"),
    brightBlack: colour("--ink-3-raw"),
    scrollbarSliderBackground: colour("--slider"),
    scrollbarSliderHoverBackground: colour("--slider"),
    scrollbarSliderActiveBackground: colour("--slider"),
    overviewRulerBorder: "rgba(0, 0, 0, 0)",
  };
}

class XtermScreen implements Screen {
  private readonly discipline: LineDiscipline;
  private atLineStart = true;
  private backlog = 0;
  private waiting: (() => void)[] = [];
  private coloured = false;

  constructor(
    private readonly xterm: Xterm,
    model: Model,
  ) {
    this.discipline = new LineDiscipline({
      echo: (text) => {
        this.put(text);
        this.atLineStart = text.endsWith("\n");
      },
      send: (text) => {
        model.type(text);
      },
      end: () => {
        model.endInput();
      },
      interrupt: () => {
        model.stop();
      },
    });
    const raw = (): boolean => model.live.value && model.settings.value.input === "keys";
    xterm.onData((data) => {
      if (raw()) model.type(data);
      else if (model.live.value) this.discipline.feed(data);
    });
    xterm.attachCustomKeyEventHandler((event) => {
      // Tab leaves the terminal, so that the keyboard can reach the rest of the page.
      if (event.key === "Tab" && (event.shiftKey || !raw())) return false;
      const copy = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "c";
      return !(copy && xterm.hasSelection());
    });
  }

  write(data: Uint8Array, stream: "stdout" | "stderr"): void {
    const coloured = stream === "stderr";
    if (coloured !== this.coloured) this.put(coloured ? SGR.stderr : SGR.reset);
    this.coloured = coloured;
    this.put(data);
    this.atLineStart = data[data.length - 1] === 10;
  }

  note(text: string, tone: "quiet" | "good" | "bad"): void {
    const start = this.atLineStart ? "" : "\r\n";
    this.put(`${start}${SGR[tone]}\x1b[3m${text}${SGR.reset}\r\n`);
    this.atLineStart = true;
    this.coloured = false;
  }

  clear(): void {
    this.discipline.reset();
    this.xterm.reset();
    this.atLineStart = true;
    this.coloured = false;
  }

  focus(): void {
    this.xterm.focus();
  }

  text(): string {
    this.xterm.selectAll();
    const text = this.xterm.getSelection();
    this.xterm.clearSelection();
    return text.trimEnd();
  }

  settled(): Promise<void> {
    if (this.backlog === 0) return Promise.resolve();
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private put(data: string | Uint8Array): void {
    this.backlog++;
    this.xterm.write(data, () => {
      this.backlog--;
      if (this.backlog === 0) for (const resolve of this.waiting.splice(0)) resolve();
    });
  }
}

function CopyButton() {
  const model = useModel();
  const copied = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(model.screen?.text() ?? "");
    copied.value = true;
    setTimeout(() => (copied.value = false), 1600);
  };
  return (
    <button class="quiet small copy" title="Copy everything in the terminal" onClick={() => void copy()}>
      {copied.value ? "Copied" : "Copy"}
    </button>
  );
}

export function Terminal() {
  const model = useModel();
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const xterm = new Xterm({
      convertEol: true,
      scrollback: 5000,
      fontFamily: '"JetBrains Mono Variable", ui-monospace, monospace',
      fontSize: 12.5,
      lineHeight: 1.25,
      cursorStyle: "bar",
      cursorInactiveStyle: "none",
      allowTransparency: true,
      overviewRuler: { width: 8 },
      theme: themeOf(element),
    });
    const fit = new FitAddon();
    xterm.loadAddon(fit);
    xterm.open(element);
    const screen = new XtermScreen(xterm, model);
    model.screen = screen;
    // A cursor says that something may still come.
    const stopBlinking = model.live.subscribe((live) => {
      xterm.write(live ? "\x1b[?25h" : "\x1b[?25l");
    });

    const refit = (): void => {
      if (element.clientWidth > 40 && element.clientHeight > 20) fit.fit();
    };
    const sizes = new ResizeObserver(refit);
    sizes.observe(element);
    // Columns are measured with the font; until it is there they would be wrong.
    void document.fonts.load('12.5px "JetBrains Mono Variable"').then(() => {
      xterm.options.fontFamily = '"JetBrains Mono Variable", ui-monospace, monospace ';
      refit();
    });
    const recolour = (): void => {
      xterm.options.theme = themeOf(element);
    };
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", recolour);
    const chosen = new MutationObserver(recolour);
    chosen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

    return () => {
      model.screen = null;
      stopBlinking();
      chosen.disconnect();
      system.removeEventListener("change", recolour);
      sizes.disconnect();
      xterm.dispose();
    };
  }, [model]);

  const state = model.state.value;
  const { input, invoke } = model.settings.value;
  const typing = state === "waiting" && input !== "text";
  return (
    <section class={`panel glass terminal-panel${typing ? " typing" : ""}`} aria-label="Terminal">
      <div class="terminal" ref={box} data-testid="terminal" />
      {state !== "idle" && <CopyButton />}
      {state === "idle" && (
        <p class="empty over">
          {invoke === null ? "What the guest prints appears here." : "What the call returns appears here."}
        </p>
      )}
      {typing && (
        <p class="typing-hint">
          {input === "keys"
            ? "The guest waits. It gets every key at once and draws what it wants; Shift Tab leaves."
            : "The guest waits. Type a line and press Enter; Ctrl D ends the input."}
        </p>
      )}
    </section>
  );
}
