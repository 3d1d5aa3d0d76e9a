/**
 * Virtual scrolling over more rows than a browser can lay out.
 *
 * An element cannot be higher than some ten million pixels, and 4 GiB of hex rows would need five
 * thousand million. So the scrolled height is capped, and beyond the cap the scroll position is
 * mapped to rows in proportion.
 */

export const MAX_HEIGHT = 4_000_000;

export interface Scale {
  readonly rows: number;
  readonly rowHeight: number;
  readonly viewport: number;
  /** Height of the scrolled element. */
  readonly height: number;
}

export function makeScale(rows: number, rowHeight: number, viewport: number): Scale {
  return { rows, rowHeight, viewport, height: Math.min(rows * rowHeight, MAX_HEIGHT) };
}

/** How many whole rows the viewport shows. */
export const visibleRows = (scale: Scale): number =>
  Math.max(1, Math.floor(scale.viewport / scale.rowHeight));

const lastTop = (scale: Scale): number => Math.max(0, scale.rows - visibleRows(scale));
const track = (scale: Scale): number => Math.max(0, scale.height - scale.viewport);

/** The first row shown at a scroll position. */
export function rowAt(scale: Scale, scrollTop: number): number {
  if (scale.rows * scale.rowHeight <= MAX_HEIGHT) {
    return Math.min(lastTop(scale), Math.max(0, Math.round(scrollTop / scale.rowHeight)));
  }
  const share = track(scale) === 0 ? 0 : Math.min(1, Math.max(0, scrollTop / track(scale)));
  return Math.round(share * lastTop(scale));
}

/** The scroll position that shows `row` first. */
export function positionOf(scale: Scale, row: number): number {
  const top = Math.min(lastTop(scale), Math.max(0, row));
  if (scale.rows * scale.rowHeight <= MAX_HEIGHT) return Math.min(track(scale), top * scale.rowHeight);
  return lastTop(scale) === 0 ? 0 : (top / lastTop(scale)) * track(scale);
}
