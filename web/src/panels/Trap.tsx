import { useModel } from "../model/model";
import { Icon } from "./Icon";
import { Places } from "./Refusal";
import { FrameList } from "./Stack";

/** The trap: its code, its message, and where every call of the stack stood. */
export function TrapView() {
  const model = useModel();
  const trap = model.parts.trap.value;
  const problem = model.parts.problem.value;
  if (problem) {
    return (
      <section class="panel glass trap" aria-label="Problem" data-testid="problem">
        <h2>
          <Icon name="trap" /> It did not start
        </h2>
        <p class="message">{problem.message}</p>
        <Places diagnostic={problem} />
      </section>
    );
  }
  if (!trap) return null;
  return (
    <section class="panel glass trap" aria-label="Trap" data-testid="trap">
      <h2>
        <Icon name="trap" /> Trap: <span data-testid="trap-message">{trap.message}</span>
        {trap.code !== null && <code data-testid="trap-code">{trap.code}</code>}
      </h2>
      <FrameList frames={trap.frames} omitted={trap.omitted} />
    </section>
  );
}
