import { lastLine } from "../lib/format";
import { useModel } from "../model/model";
import { SAMPLES, type Sample } from "../model/guests";
import { bootLabel, bootShare } from "./Header";
import { Icon } from "./Icon";
import { PickButton } from "./Drop";
import { Tank } from "./Tank";

function Card({ sample }: { readonly sample: Sample }) {
  const model = useModel();
  return (
    <a
      class="card glass"
      href={`#sample=${sample.id}`}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        history.replaceState(null, "", `#sample=${sample.id}`);
        void model.openSample(sample);
      }}
    >
      <span class="card-title">{sample.title}</span>
      <span class="card-shows">{sample.shows}</span>
      <span class="card-blurb">{sample.blurb}</span>
    </a>
  );
}

export function Welcome() {
  const boot = useModel().boot.value;
  return (
    <main class="welcome">
      <section class="hero">
        <h1>
          Put a WebAssembly program <em>behind glass.</em>
        </h1>
        <p class="lead">
          Watch it run: every page of its memory, its tables, its globals, its calls. The runtime is written
          in Python and interprets the program one instruction at a time, here in this page. Nothing is
          uploaded.
        </p>
        <div class="drop-card glass">
          <Tank share={bootShare(boot)} />
          <div class="drop-text">
            <p class="drop-title">
              Drop a <code>.wasm</code> or <code>.wat</code> file anywhere on this page
            </p>
            <PickButton class="solid">
              <Icon name="open" /> Choose a file
            </PickButton>
            <p class="hint" role="status">
              {boot.kind === "ready"
                ? "WASI programs from C, C++, Rust, Zig, Go; or any module with exports."
                : bootLabel(boot)}
            </p>
            {boot.kind === "failed" && <p class="bad">{lastLine(boot.message)}</p>}
          </div>
        </div>
      </section>
      <section class="gallery" aria-label="Samples">
        <h2>Or meet a resident</h2>
        <div class="cards">
          {SAMPLES.map((sample) => (
            <Card key={sample.id} sample={sample} />
          ))}
        </div>
      </section>
    </main>
  );
}
