import { parser } from '@prometheus-io/lezer-promql';

/** What an expression names, as Prometheus' own grammar sees it. */
export interface ReadPromql {
  /** Places that are no PromQL. */
  errors: number;
  /** Metrics, each with the labels that it is selected by. */
  selectors: { metric: string; labels: string[] }[];
  /** Labels of `by`, `on`, `group_left` and the like. */
  grouped: string[];
}

export function readPromql(expression: string): ReadPromql {
  const read: ReadPromql = { errors: 0, selectors: [], grouped: [] };
  parser.parse(expression).iterate({
    enter: ({ type, from, to, node }) => {
      const text = expression.slice(from, to);
      // An error is a node without a name.
      if (type.isError) read.errors += 1;
      else if (type.name === 'Identifier') read.selectors.push({ metric: text, labels: [] });
      else if (type.name === 'LabelName') {
        if (node.parent?.name === 'GroupingLabels') read.grouped.push(text);
        else read.selectors.at(-1)?.labels.push(text);
      }
    },
  });
  return read;
}

/** The labels of each metric in a text that Prometheus scrapes (its exposition format 0.0.4). */
export function readScrape(text: string): Map<string, Set<string>> {
  const metrics = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const [, name, labels = ''] = /^([a-z_:][\w:]*)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = metrics.get(name) ?? new Set();
    metrics.set(name, known);
    for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label ?? '');
  }
  return metrics;
}
