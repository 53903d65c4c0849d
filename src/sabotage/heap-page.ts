/** PostgreSQL source, itemid.h: LP_NORMAL. */
const normal = 1;
const pageHeaderBytes = 24;

export interface LinePointer {
  /** Counted from 1, as in a ctid. */
  number: number;
  offset: number;
  length: number;
}

/** The items of a page that hold something: not unused, not dead, not redirected (bufpage.h, itemid.h). */
export function itemsOf(page: Buffer): LinePointer[] {
  const lower = page.readUInt16LE(12);
  const items: LinePointer[] = [];
  if (lower > page.length) return items;
  for (let at = pageHeaderBytes; at + 4 <= lower; at += 4) {
    const word = page.readUInt32LE(at);
    const [offset, flags, length] = [word & 0x7fff, (word >>> 15) & 3, word >>> 17];
    if (flags === normal && length > 0 && offset + length <= page.length)
      items.push({ number: (at - pageHeaderBytes) / 4 + 1, offset, length });
  }
  return items;
}

/** PostgreSQL source, htup_details.h. */
const flags = { xminCommitted: 0x0100, xminInvalid: 0x0200, xmaxInvalid: 0x0800 };

export interface TupleHead {
  xmin: number;
  /** The page itself says that its transaction committed: pg_xact is not asked any more. */
  hinted: boolean;
  /** Nobody has deleted or locked it. */
  untouched: boolean;
}

export function tupleHead(page: Buffer, { offset }: LinePointer): TupleHead {
  const infomask = page.readUInt16LE(offset + 20);
  const committed = (infomask & flags.xminCommitted) !== 0;
  return {
    xmin: page.readUInt32LE(offset),
    hinted: committed,
    untouched:
      (page.readUInt32LE(offset + 4) === 0 || (infomask & flags.xmaxInvalid) !== 0) &&
      (committed || (infomask & flags.xminInvalid) === 0),
  };
}
