import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useModel } from "../model/model";

/** A button that opens the file picker. */
export function PickButton({
  children,
  class: className,
}: {
  readonly children: ComponentChildren;
  readonly class?: string;
}) {
  const model = useModel();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button class={className} onClick={() => input.current?.click()}>
        {children}
      </button>
      <input
        ref={input}
        type="file"
        accept=".wasm,.wat,application/wasm"
        hidden
        data-testid="pick"
        onChange={() => {
          const file = input.current?.files?.[0];
          if (file) void model.openFile(file);
          if (input.current) input.current.value = "";
        }}
      />
    </>
  );
}

const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;

/** The whole page takes a dropped module; a veil says so while something is dragged over it. */
export function DropVeil() {
  const model = useModel();
  const over = useSignal(false);
  useEffect(() => {
    let depth = 0;
    const enter = (event: DragEvent): void => {
      if (!carriesFiles(event)) return;
      depth++;
      over.value = true;
    };
    const leave = (): void => {
      depth = Math.max(0, depth - 1);
      if (depth === 0) over.value = false;
    };
    const hover = (event: DragEvent): void => {
      if (carriesFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent): void => {
      depth = 0;
      over.value = false;
      // A panel of its own may have taken the files (those for /data).
      if (event.defaultPrevented || !event.dataTransfer) return;
      event.preventDefault();
      const [file] = event.dataTransfer.files;
      if (!file) return;
      history.replaceState(null, "", location.pathname + location.search);
      void model.openFile(file);
    };
    addEventListener("dragenter", enter);
    addEventListener("dragleave", leave);
    addEventListener("dragover", hover);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragenter", enter);
      removeEventListener("dragleave", leave);
      removeEventListener("dragover", hover);
      removeEventListener("drop", drop);
    };
  }, [model, over]);
  if (!over.value) return null;
  return (
    <div class="veil" aria-hidden="true">
      <p>Drop it in</p>
    </div>
  );
}
