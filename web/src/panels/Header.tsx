import { useSignal, useSignalEffect } from "@preact/signals";
import { formatBytes, formatSeconds } from "../lib/format";
import { writeLink } from "../lib/link";
import { useModel, type Boot } from "../model/model";
import type { BootStage } from "../protocol";
import { Icon, Mark, type IconName } from "./Icon";
import { ShortcutsButton } from "./Shortcuts";

type Theme = "auto" | "light" | "dark";

const THEMES: Record<Theme, { readonly next: Theme; readonly icon: IconName; readonly label: string }> = {
  auto: { next: "light", icon: "auto", label: "Colours: as the system" },
  light: { next: "dark", icon: "sun", label: "Colours: light" },
  dark: { next: "auto", icon: "moon", label: "Colours: dark" },
};

const isTheme = (text: string | null): text is Theme => text !== null && text in THEMES;

function storedTheme(): Theme {
  try {
    const stored = localStorage.getItem("theme");
    return isTheme(stored) ? stored : "auto";
  } catch {
    return "auto";
  }
}

function ThemeButton() {
  const theme = useSignal<Theme>(storedTheme());
  useSignalEffect(() => {
    if (theme.value === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme.value;
    try {
      localStorage.setItem("theme", theme.value);
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
  });
  const { next, icon, label } = THEMES[theme.value];
  return (
    <button class="quiet" title={label} aria-label={label} onClick={() => (theme.value = next)}>
      <Icon name={icon} />
    </button>
  );
}

const STAGES: Record<BootStage, string> = {
  download: "Fetching Python",
  python: "Starting Python",
  wasmarium: "Installing wasmarium",
};

export const bootLabel = (boot: Boot): string => {
  if (boot.kind === "failed") return "Python did not start";
  if (boot.kind === "ready") return "Ready";
  if (boot.stage !== "download") return STAGES[boot.stage];
  return `${STAGES.download}, ${formatBytes(boot.done)} of ${formatBytes(boot.total)}`;
};

/** The three stages as one share: the download is what takes time on a slow line. */
export function bootShare(boot: Boot): number {
  if (boot.kind === "ready") return 1;
  if (boot.kind === "failed") return 0;
  if (boot.stage === "download") return 0.7 * (boot.total ? boot.done / boot.total : 0);
  return boot.stage === "python" ? 0.75 : 0.92;
}

function BootStatus() {
  const boot = useModel().boot.value;
  const label = bootLabel(boot);
  if (boot.kind === "ready") {
    const { wasmarium, python, pyodide } = boot.versions;
    const detail = `wasmarium ${wasmarium} · Python ${python} · Pyodide ${pyodide} · started in ${formatSeconds(boot.seconds)}`;
    return (
      <span class="boot ready" role="status" title={detail}>
        <i class="lamp" />
        <span>
          <span class="wide-only">wasmarium </span>
          {wasmarium}
        </span>
        <span class="wide-only"> on Python {python}</span>
      </span>
    );
  }
  return (
    <span class={`boot ${boot.kind}`} role="status" title={boot.kind === "failed" ? boot.message : label}>
      <i class="lamp" /> <span class="boot-label">{label}</span>
      {boot.kind === "loading" && <progress max={1} value={bootShare(boot)} aria-label="Loading" />}
    </span>
  );
}

function ShareButton() {
  const model = useModel();
  const copied = useSignal(false);
  const sample = model.guest.value?.sample;
  if (!sample) return null;
  const share = async (): Promise<void> => {
    const { args, invoke, engine } = model.settings.value;
    // What is usual needs no word.
    const unusual = engine === "steps" ? null : engine;
    history.replaceState(null, "", writeLink({ sample: sample.id, args, invoke, engine: unusual }));
    try {
      await navigator.clipboard.writeText(location.href);
      copied.value = true;
      setTimeout(() => (copied.value = false), 1600);
    } catch {
      // Without the clipboard the address bar still holds the link.
    }
  };
  return (
    <button class="quiet" title="Copy a link to this sample and its arguments" onClick={() => void share()}>
      <Icon name={copied.value ? "good" : "link"} />
      <span class="wide-only">{copied.value ? "Copied" : "Share"}</span>
    </button>
  );
}

export function Header() {
  const model = useModel();
  return (
    <header class="top">
      <button
        class="brand"
        onClick={() => model.close()}
        title="All guests"
        aria-label="wasmarium, all guests"
      >
        <Mark />
        <span class="wordmark">wasmarium</span>
      </button>
      <BootStatus />
      <div class="top-actions">
        <ShareButton />
        <ShortcutsButton />
        <ThemeButton />
      </div>
    </header>
  );
}
