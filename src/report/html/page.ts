import { moment as plainMoment } from '../../schema/figures.js';
import { html, Markup } from './markup.js';
import { style } from './style.js';

/** A whole page: no script, nothing from the network; the policy in its head keeps it so whatever stands in it. */
export function page(title: string, body: Markup): string {
  const head = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        <style>
          ${new Markup(style)}
        </style>
      </head>
      <body>
        <main>${body}</main>
      </body>
    </html> `;
  return head.text;
}

/** A verdict or status as a coloured word. The word itself says it too: colour alone tells nothing. */
export function tag(status: string): Markup {
  return html`<span class="tag ${status}">${status}</span>`;
}

/** A table that becomes a list of cards on a phone. A section without rows is left out. */
export function table(head: readonly string[], rows: readonly (readonly (Markup | string)[])[]): Markup {
  return html`<table class="stack">
    <thead>
      <tr>
        ${head.map((name) => html`<th scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (cells) =>
          html`<tr>
            ${cells.map((cell, index) => html`<td data-label="${head[index] ?? ''}">${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** A moment, in UTC, to the second. */
export function moment(instant: string): Markup {
  return html`<time datetime="${instant}">${plainMoment(instant)}</time>`;
}

/** A name such as `vacuum_truncate`, which is broken between its words rather than within one. */
export function breakable(name: string): Markup {
  return html`${name.split(/(?<=[_.])/).map((word, index) => (index === 0 ? word : html`<wbr />${word}`))}`;
}
