import { useSignal, useSignalEffect } from "@preact/signals";
import { useModel } from "../model/model";
import { Globals } from "./Globals";
import { Stack } from "./Stack";
import { Tables } from "./Tables";
import { Tabs } from "./Tabs";

type View = "stack" | "tables" | "globals";

/** Which view a sample is about; any other guest opens with its calls. */
const FIRST: Record<string, View> = { tables: "tables", memory: "globals" };

export function StatePanel() {
  const model = useModel();
  const view = useSignal<View>("stack");
  useSignalEffect(() => {
    view.value = FIRST[model.guest.value?.sample?.shows ?? ""] ?? "stack";
  });
  useSignalEffect(() => {
    if (model.state.value === "paused" && model.parts.engine.value === "steps") view.value = "stack";
  });
  const { depth, tables, globals, calledFunctions } = model.parts;
  const tabs = [
    { id: "stack", label: "Calls", badge: depth.value || calledFunctions.value || undefined },
    { id: "tables", label: "Tables", badge: tables.value.length || undefined },
    { id: "globals", label: "Globals", badge: globals.value.length || undefined },
  ] as const;
  return (
    <section class="panel glass state-panel" aria-label="State">
      <Tabs label="State" tabs={tabs} current={view.value} onChange={(id) => (view.value = id)}>
        {view.value === "stack" && <Stack />}
        {view.value === "tables" && <Tables />}
        {view.value === "globals" && <Globals />}
      </Tabs>
    </section>
  );
}
