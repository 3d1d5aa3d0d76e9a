import { hasWasmMagic } from "../lib/bytes";
import { formatBytes } from "../lib/format";
import { useModel } from "../model/model";
import { PickButton } from "./Drop";
import { Icon } from "./Icon";
import { verdictLine } from "./Inspector";

/** What is open, and what validation says of it. */
export function GuestCard() {
  const model = useModel();
  const guest = model.guest.value;
  const verdict = model.verdict.value;
  if (!guest || !verdict) return null;
  return (
    <section class="panel glass guest-card" aria-label="Guest">
      <div class="guest-head">
        <h1 title={guest.name}>{guest.sample?.title ?? guest.name}</h1>
        <PickButton class="quiet">
          <Icon name="open" />
          Open…
        </PickButton>
      </div>
      <p class="guest-file">
        {guest.sample && `${guest.name} · `}
        {formatBytes(guest.bytes.length)}
        {verdict.kind === "valid" && !hasWasmMagic(guest.bytes) && (
          <> of text, {formatBytes(verdict.module.size)} assembled</>
        )}
      </p>
      <p class={`verdict ${verdict.kind}`} role="status" data-testid="verdict">
        {verdict.kind === "checking" && (
          <>
            <i class="lamp" /> {model.ready.value ? "Checking…" : "Waits for Python to start"}
          </>
        )}
        {verdict.kind === "valid" && (
          <>
            <Icon name="good" size={14} />
            <span>
              <strong>Valid.</strong> {verdictLine(verdict.module)}
            </span>
          </>
        )}
        {verdict.kind === "refused" && (
          <>
            <Icon name="trap" size={14} />
            <span>
              <strong>Refused:</strong> {verdict.diagnostic.code}
            </span>
          </>
        )}
      </p>
      {guest.sample && <p class="hint">{guest.sample.blurb}</p>}
    </section>
  );
}
