import { useEffect } from "preact/hooks";
import { useModel } from "../model/model";
import { DropVeil } from "./Drop";
import { FilesLeft } from "./Files";
import { GuestCard } from "./GuestCard";
import { Header } from "./Header";
import { Icon } from "./Icon";
import { Inspector } from "./Inspector";
import { MemoryPanel } from "./MemoryPanel";
import { Refusal } from "./Refusal";
import { Questions } from "./Questions";
import { RunPanel } from "./RunPanel";
import { StatePanel } from "./StatePanel";
import { Terminal } from "./Terminal";
import { TrapView } from "./Trap";
import { Welcome } from "./Welcome";

function Notice() {
  const model = useModel();
  const text = model.notice.value;
  if (text === null) return null;
  return (
    <div class="notice" role="alert">
      <span>{text}</span>
      <button class="quiet small" aria-label="Dismiss" onClick={() => (model.notice.value = null)}>
        <Icon name="close" size={12} />
      </button>
    </div>
  );
}

function Workspace() {
  const verdict = useModel().verdict.value;
  if (verdict?.kind === "refused") {
    return (
      <main class="workspace refused">
        <div class="side">
          <GuestCard />
        </div>
        <Refusal verdict={verdict} />
      </main>
    );
  }
  return (
    <main class="workspace">
      <div class="side">
        <GuestCard />
        <Inspector />
      </div>
      <div class="centre">
        <RunPanel />
        <Questions />
        <TrapView />
        <Terminal />
        <FilesLeft />
      </div>
      <div class="observe">
        <MemoryPanel />
        <StatePanel />
      </div>
    </main>
  );
}

export function App() {
  const guest = useModel().guest.value;
  // On a small screen one has scrolled to what one chose; what comes next is read from its top.
  useEffect(() => {
    scrollTo(0, 0);
  }, [guest]);
  return (
    <>
      <Header />
      <Notice />
      {guest ? <Workspace /> : <Welcome />}
      <DropVeil />
    </>
  );
}
