import "@fontsource-variable/instrument-sans";
import "@fontsource-variable/jetbrains-mono";
import "@fontsource/instrument-serif";
import "@fontsource/instrument-serif/400-italic.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/welcome.css";
import "./styles/panels.css";
import "./styles/observe.css";
import { render } from "preact";
import { Model, ModelContext } from "./model/model";
import { App } from "./panels/App";

const worker = new Worker(new URL("./worker/worker.ts", import.meta.url), {
  type: "module",
  name: "wasmarium",
});
const model = new Model(worker, new URL(".", document.baseURI).href);
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

render(
  <ModelContext.Provider value={model}>
    <App />
  </ModelContext.Provider>,
  root,
);

model.openLink(location.hash);
addEventListener("hashchange", () => {
  model.openLink(location.hash);
});
