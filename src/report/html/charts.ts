import type { EChartsOption } from 'echarts';

import { escapeHtml, html, Markup } from './markup.js';
import { secondsAxis, secondsMark } from './seconds-axis.js';

/** What a chart is drawn as: once for a screen, once for a phone, where scaled-down letters could not be read. */
interface Picture {
  /** What the picture shows, in words, figures included: for whoever cannot see it. */
  alternative: string;
  option: (narrow: boolean) => EChartsOption;
  height: (narrow: boolean) => number;
}

const widths = { wide: 1_040, narrow: 328 };

/** A picture with its text alternative. The charting library is loaded only here: a worker that draws nothing does not pay for it. */
export async function figure({ alternative, option, height }: Picture): Promise<Markup> {
  const echarts = await import('echarts');
  const draw = (kind: 'wide' | 'narrow'): Markup => {
    const narrow = kind === 'narrow';
    const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: widths[kind], height: height(narrow) });
    try {
      chart.setOption({ animation: false, textStyle: { fontFamily: 'inherit' }, ...option(narrow) });
      return new Markup(tidy(chart.renderToSVGString(), kind, alternative));
    } finally {
      chart.dispose();
    }
  };
  return html`<figure>
    ${draw('wide')}${draw('narrow')}
    <figcaption>${alternative}</figcaption>
  </figure>`;
}

/** Without what only a script would use, and with a name for screen readers. Colours are CSS variables: both themes fit. */
function tidy(svg: string, kind: string, alternative: string): string {
  return (
    svg
      .replace(/<style\s*>[\s\S]*?<\/style>/g, '')
      // A shorthand may not say `inherit` for the family alone: browsers drop it, size and all.
      .replace(/font: ?[\w ]*?(\d+)px inherit/g, 'font-size:$1px;font-family:inherit')
      .replace(/ (?:class|ecmeta_\w+|pointer-events|xmlns:xlink|baseProfile|version)="[^"]*"/g, '')
      .replace(
        /^<svg width="\d+" height="\d+"/,
        `<svg class="${kind}" role="img" aria-label="${escapeHtml(alternative)}"`,
      )
  );
}

const axisLabel = { color: 'var(--muted)', fontSize: 13 };
const lines = {
  axisLine: { lineStyle: { color: 'var(--line)' } },
  splitLine: { lineStyle: { color: 'var(--line)' } },
  axisTick: { lineStyle: { color: 'var(--line)' } },
};

export interface Span {
  name: string;
  from: number;
  seconds: number;
  label: string;
  color: string;
}

/** Spans of time below each other, as they followed. */
export function spansPicture(spans: readonly Span[], alternative: string): Picture {
  return {
    alternative,
    height: () => 44 + spans.length * 30,
    option: (narrow) => ({
      grid: { left: narrow ? 104 : 130, right: narrow ? 66 : 110, top: 6, bottom: 30 },
      xAxis: {
        type: 'value',
        min: 0,
        splitNumber: narrow ? 3 : 8,
        axisLabel: { ...axisLabel, formatter: '{value} s' },
        ...lines,
      },
      yAxis: {
        type: 'category',
        inverse: true,
        data: spans.map(({ name }) => name),
        axisLabel: { ...axisLabel, color: 'var(--ink)', interval: 0 },
        ...lines,
        axisTick: { show: false },
      },
      series: [
        {
          type: 'bar',
          stack: 'time',
          silent: true,
          data: spans.map(({ from }) => from),
          itemStyle: { color: 'transparent' },
        },
        {
          type: 'bar',
          stack: 'time',
          silent: true,
          barMinHeight: 2,
          barWidth: 16,
          data: spans.map(({ seconds, color, label }) => ({
            value: seconds,
            itemStyle: { color },
            label: { show: true, position: 'right', formatter: label, color: 'var(--ink)', fontSize: 13 },
          })),
        },
      ],
    }),
  };
}

export interface Curve {
  name: string;
  color: string;
  points: readonly (readonly [number, number])[];
  dots?: boolean;
  dashed?: boolean;
}

/** Values over an axis, with an optional line for what they must not pass. */
export function curvePicture(
  curves: readonly Curve[],
  axes: {
    x: 'time' | 'value';
    xName: (value: number) => string;
    /** How values are named; `seconds` for time, with marks at round ones. */
    yName: 'seconds' | ((value: number) => string);
    limit?: { value: number; name: string } | undefined;
  },
  alternative: string,
): Picture {
  const { limit, yName } = axes;
  const values = [
    ...curves.flatMap(({ points }) => points.map(([, y]) => y)),
    ...(limit === undefined ? [] : [limit.value]),
  ];
  const scale =
    yName === 'seconds'
      ? { ...secondsAxis(values), axisLabel: { ...axisLabel, formatter: secondsMark } }
      : { splitNumber: 4, axisLabel: { ...axisLabel, formatter: yName } };
  return {
    alternative,
    height: (narrow) => (narrow ? 220 : 280),
    option: (narrow) => ({
      grid: { left: narrow ? 74 : 86, right: narrow ? 24 : 30, top: 24, bottom: 32 },
      xAxis: {
        type: axes.x,
        splitNumber: narrow ? 2 : 6,
        axisLabel: { ...axisLabel, hideOverlap: true, formatter: (value: number) => axes.xName(value) },
        ...lines,
        splitLine: { show: false },
        ...(axes.x === 'value' ? { min: 0, max: 'dataMax' } : {}),
      },
      yAxis: { type: 'value', min: 0, ...scale, ...lines },
      series: curves.map(({ name, color, points, dots, dashed }, index) => ({
        type: 'line' as const,
        name,
        silent: true,
        showSymbol: dots === true,
        symbol: 'circle',
        symbolSize: 7,
        data: points.map(([x, y]) => [x, y]),
        lineStyle: { color, width: 2, ...(dashed === true ? { type: 'dotted' as const } : {}) },
        itemStyle: { color },
        ...(index > 0 || limit === undefined
          ? {}
          : {
              markLine: {
                silent: true,
                symbol: 'none',
                lineStyle: { color: 'var(--bad)', type: 'dashed' as const },
                label: {
                  formatter: limit.name,
                  position: limitLabelAt(curves, limit.value),
                  color: 'var(--bad)',
                  fontSize: 13,
                  // A curve behind it would strike it out.
                  backgroundColor: 'var(--paper)',
                  padding: [1, 4],
                },
                data: [{ yAxis: limit.value }],
              },
            }),
      })),
    }),
  };
}

/** Where the name of the limit hides least of the curves: at the end at which they are further away. */
function limitLabelAt(curves: readonly Curve[], limit: number): 'insideStartTop' | 'insideEndTop' {
  const clearance = (ends: readonly (readonly [number, number])[]): number => {
    const above = ends.map(([, value]) => value - limit);
    const crosses = Math.min(...above) < 0 && Math.max(...above) > 0;
    return crosses ? 0 : Math.min(...above.map(Math.abs));
  };
  const least = (from: number, to?: number): number =>
    Math.min(...curves.map(({ points }) => clearance(points.slice(from, to))));
  return least(-2) > least(0, 2) ? 'insideEndTop' : 'insideStartTop';
}
