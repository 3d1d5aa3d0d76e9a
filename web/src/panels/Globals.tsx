import { useModel } from "../model/model";

export function Globals() {
  const model = useModel();
  const globals = model.parts.globals.value;
  const freshGlobals = model.parts.freshGlobals.value;
  const state = model.state.value;
  if (globals.length === 0) {
    return (
      <p class="empty">
        {state === "idle"
          ? "Globals and their values appear here when the guest starts."
          : "This guest has no globals."}
      </p>
    );
  }
  return (
    <ul class="rows globals" data-testid="globals">
      {globals.map((row) => (
        <li key={row.index} class={freshGlobals.has(row.index) ? "fresh" : ""}>
          <span class="row-index">{row.index}</span>
          <span class={row.name === null ? "row-name faint" : "row-name"}>
            {row.name ?? `global ${String(row.index)}`}
          </span>
          <span class="faint">
            {row.mutable ? "mut " : ""}
            {row.type}
          </span>
          <output class="row-value">{row.text}</output>
        </li>
      ))}
    </ul>
  );
}
