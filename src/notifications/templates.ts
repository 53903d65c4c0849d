import type { Notification, WebhookConfiguration } from '../schema/notification.js';

/** The body of a webhook's request. */
export function renderBody(template: WebhookConfiguration['template'], notification: Notification): string {
  return JSON.stringify(template === 'slack' ? { text: slackText(notification) } : notification);
}

/** Slack's mrkdwn: `*bold*`, backquotes for code; only & < > have to be escaped (Slack, "Formatting text for app surfaces"). */
function slackText({ severity, title, text, command, workflowId }: Notification): string {
  const mark = { info: 'ℹ️', warning: '⚠️', critical: '🚨' }[severity];
  return [
    `${mark} *${escapeSlack(title)}*`,
    escapeSlack(text),
    ...(workflowId === undefined ? [] : [`\`${escapeSlack(workflowId)}\``]),
    ...(command === undefined ? [] : [`\`${escapeSlack(command)}\``]),
  ].join('\n');
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
