import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';

import { messageOf } from '../errors.js';

export type KeyPath = readonly PropertyKey[];

/** Something wrong in the file, and where. Lines and columns count from 1. */
export interface Problem {
  line: number;
  column: number;
  /** The key concerned, as `clusters.shop.connection`; empty for the file as a whole. */
  key: string;
  /** What is wrong and what is allowed; reads on after the key. */
  text: string;
}

/** The content of a YAML file that still knows where each key stands. */
export interface YamlSource {
  /** The plain data; undefined where the syntax is too broken to tell. */
  value: unknown;
  /** Syntax errors, duplicate keys, unknown tags, aliases that multiply. */
  problems: Problem[];
  /** Where a key stands; for a key that is not there, the nearest one around it. */
  problemAt: (path: KeyPath, text: string) => Problem;
}

// Far above what a configuration needs, far below what exhausts memory ("billion laughs").
const maxAliasCount = 100;

/** Reads one YAML 1.2 document and collects everything that is wrong with it as YAML. */
export function parseYaml(text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true });
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = [...document.errors, ...document.warnings].map((error) => ({
    ...at(error.pos[0]),
    key: '',
    text: explainSyntax(error.code, error.message, text.slice(error.pos[0])),
  }));
  const usable = document.errors.every((error) => error.code === 'DUPLICATE_KEY');
  let value: unknown;
  try {
    value = usable ? document.toJS({ maxAliasCount }) : undefined;
  } catch (error) {
    problems.push({
      ...at(firstAlias(document)),
      key: '',
      text: `the aliases (*name) are refused: ${messageOf(error)}.`,
    });
  }
  return {
    value,
    problems,
    problemAt: (path, message) => ({ ...at(offsetOf(document, path)), key: formatKeyPath(path), text: message }),
  };
}

/** A key as people write it: `clusters.shop.gates[1]`. */
export function formatKeyPath(path: KeyPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
}

function explainSyntax(code: string, message: string, rest: string): string {
  const name = /^[^\s:]*/.exec(rest)?.[0] ?? '';
  if (code === 'DUPLICATE_KEY') return `the key "${name}" stands here a second time; each may be given once.`;
  if (code === 'TAB_AS_INDENT') return 'YAML does not allow tabs as indentation; use spaces.';
  if (code === 'MULTIPLE_DOCS') return 'a second YAML document begins here; only one is read.';
  return `this is not valid YAML: ${message.replace(/\.?$/, '.')}`;
}

function firstAlias(document: Document): number {
  let offset = 0;
  visit(document, {
    Alias: (_, alias) => {
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

/** The offset of the key (or list item) that a path leads to, or of the last one on the way that exists. */
function offsetOf(document: Document, path: KeyPath): number {
  let offset = document.contents?.range?.[0] ?? 0;
  let node: unknown = document.contents;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) return offset;
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = rangeStart(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

function rangeStart(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}
