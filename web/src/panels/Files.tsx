import { useRef } from "preact/hooks";
import { formatBytes } from "../lib/format";
import { useModel } from "../model/model";
import { Icon } from "./Icon";

/** The files that the guest finds in its preopened directory /data. */
export function FilesField() {
  const model = useModel();
  const input = useRef<HTMLInputElement>(null);
  const { files } = model.settings.value;
  const add = async (picked: FileList | null | undefined): Promise<void> => {
    const added = await Promise.all(
      Array.from(picked ?? [], async (file) => ({
        path: file.name,
        data: new Uint8Array(await file.arrayBuffer()),
      })),
    );
    const names = new Set(added.map((file) => file.path));
    const kept = model.settings.value.files.filter((file) => !names.has(file.path));
    model.change({ files: [...kept, ...added] });
  };
  return (
    <div
      class="drawer files"
      onDragOver={(event) => {
        event.preventDefault();
      }}
      onDrop={(event) => {
        event.preventDefault();
        void add(event.dataTransfer?.files);
      }}
    >
      <span>The guest may read and write the directory /data; nothing else.</span>
      <ul class="rows">
        {files.map((file) => (
          <li key={file.path}>
            <Icon name="file" size={14} />
            <span class="row-name">/data/{file.path}</span>
            <span class="row-size">{formatBytes(file.data.length)}</span>
            <button
              class="quiet small"
              title={`Take ${file.path} out`}
              aria-label={`Take ${file.path} out`}
              onClick={() => {
                model.change({ files: files.filter((other) => other !== file) });
              }}
            >
              <Icon name="close" size={12} />
            </button>
          </li>
        ))}
      </ul>
      <button class="small" onClick={() => input.current?.click()}>
        Add files…
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-testid="pick-data"
        onChange={() => {
          void add(input.current?.files);
        }}
      />
    </div>
  );
}

/** What lies in /data after the run, to be taken away. */
export function FilesLeft() {
  const model = useModel();
  const files = model.parts.files.value;
  if (!files || files.length === 0) return null;
  const given = new Map(model.settings.value.files.map((file) => [file.path, file.data.length]));
  return (
    <div class="files-left" aria-label="Files in /data">
      <span class="faint">In /data now:</span>
      {files.map(([path, size]) => (
        <button
          key={path}
          class={given.get(path) === size ? "file-tag" : "file-tag fresh"}
          title={`Save ${path}`}
          onClick={() => {
            model.download(path);
          }}
        >
          <Icon name="save" size={12} />
          {path} <span class="faint">{formatBytes(size)}</span>
        </button>
      ))}
    </div>
  );
}
