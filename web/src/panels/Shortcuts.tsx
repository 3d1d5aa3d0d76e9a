import { useEffect, useRef } from "preact/hooks";
import { useModel, type Model } from "../model/model";
import { Icon } from "./Icon";

interface Shortcut {
  readonly keys: string;
  readonly label: string;
  readonly matches: (event: KeyboardEvent) => boolean;
  readonly act: (model: Model) => void;
}

const command = (event: KeyboardEvent): boolean => event.ctrlKey || event.metaKey;
const plain = (event: KeyboardEvent): boolean =>
  !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;

export const SHORTCUTS = {
  run: {
    keys: "Ctrl Enter",
    label: "Run from the start",
    matches: (event) => command(event) && event.key === "Enter",
    act: (model) => {
      if (model.state.value === "paused") model.toggle();
      else model.start();
    },
  },
  engine: {
    keys: "F7",
    label: "Watch every step, or run at full speed",
    matches: (event) => plain(event) && event.key === "F7",
    act: (model) => {
      model.changeEngine();
    },
  },
  toggle: {
    keys: "F8",
    label: "Pause, or go on",
    matches: (event) => plain(event) && event.key === "F8",
    act: (model) => {
      model.toggle();
    },
  },
  step: {
    keys: "F9",
    label: "Execute one instruction",
    matches: (event) => plain(event) && event.key === "F9",
    act: (model) => {
      model.step();
    },
  },
  out: {
    keys: "F10",
    label: "Run until this function returns",
    matches: (event) => plain(event) && event.key === "F10",
    act: (model) => {
      model.stepOut();
    },
  },
  stop: {
    keys: "Ctrl .",
    label: "Stop the guest",
    matches: (event) => command(event) && event.key === ".",
    act: (model) => {
      model.stop();
    },
  },
} satisfies Record<string, Shortcut>;

/** Listens on the whole page; gives a function that stops listening. */
export function listenForShortcuts(model: Model): () => void {
  const onKey = (event: KeyboardEvent): void => {
    const shortcut = Object.values(SHORTCUTS).find((item) => item.matches(event));
    if (!shortcut || !model.guest.value) return;
    event.preventDefault();
    event.stopPropagation();
    shortcut.act(model);
  };
  // Captured, so that the terminal does not swallow them.
  addEventListener("keydown", onKey, { capture: true });
  return () => {
    removeEventListener("keydown", onKey, { capture: true });
  };
}

const TERMINAL_KEYS = [
  ["Ctrl C", "Stop the guest (with nothing selected)"],
  ["Ctrl D", "End of input"],
  ["Ctrl U", "Erase the line"],
] as const;

const Keys = ({ keys }: { readonly keys: string }) => (
  <span class="keys">
    {keys.split(" ").map((key) => (
      <kbd key={key}>{key}</kbd>
    ))}
  </span>
);

export function ShortcutsButton() {
  const dialog = useRef<HTMLDialogElement>(null);
  const model = useModel();
  useEffect(() => listenForShortcuts(model), [model]);
  return (
    <>
      <button
        class="quiet"
        title="Keyboard shortcuts"
        aria-label="Keyboard shortcuts"
        onClick={() => dialog.current?.showModal()}
      >
        <Icon name="help" />
      </button>
      <dialog
        ref={dialog}
        class="glass shortcuts"
        onClick={(event) => event.target === dialog.current && dialog.current?.close()}
      >
        <form method="dialog">
          <h2>Keyboard</h2>
          <dl>
            {Object.values(SHORTCUTS).map(({ keys, label }) => (
              <div key={keys}>
                <dt>
                  <Keys keys={keys} />
                </dt>
                <dd>{label}</dd>
              </div>
            ))}
          </dl>
          <h3>In the terminal</h3>
          <dl>
            {TERMINAL_KEYS.map(([keys, label]) => (
              <div key={keys}>
                <dt>
                  <Keys keys={keys} />
                </dt>
                <dd>{label}</dd>
              </div>
            ))}
          </dl>
          <p class="hint">On a Mac, ⌘ works in place of Ctrl in the first list.</p>
          <button class="solid" autofocus>
            Close
          </button>
        </form>
      </dialog>
    </>
  );
}
