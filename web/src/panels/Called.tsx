import { formatCount, formatShort, plural } from "../lib/format";
import { useModel } from "../model/model";

/** How often functions were called: what there is to see of calls at full speed. */
export function Called() {
  const model = useModel();
  const rows = model.parts.called.value;
  const functions = model.parts.calledFunctions.value;
  const most = rows[0]?.calls ?? 0;
  if (rows.length === 0) return <p class="empty">No function of the guest has been called yet.</p>;
  return (
    <div class="called">
      <h3>
        Most called
        <span class="faint">
          {" "}
          · {functions > rows.length ? `${formatCount(rows.length)} of ` : ""}
          {plural(functions, "function")}
        </span>
      </h3>
      <ol data-testid="called" tabIndex={0} role="group" aria-label="Most called functions">
        {rows.map((row) => (
          <li key={row.function} title={`${row.name}: ${plural(row.calls, "call")}`}>
            <span class="called-name">{row.name}</span>
            {/* Counts differ by orders of magnitude: so do the bars, in logarithms. */}
            <span class="called-bar" aria-hidden="true">
              <i style={{ width: `${String((100 * Math.log1p(row.calls)) / Math.log1p(most))}%` }} />
            </span>
            <output class="called-calls">{formatShort(row.calls)}</output>
          </li>
        ))}
      </ol>
    </div>
  );
}
