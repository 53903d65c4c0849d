import { expect, it } from 'vitest';

import { leftOver, ofToday, scheduleDrift } from '../../src/notifications/due.js';
import { notificationSchema } from '../../src/schema/notification.js';

const left = (what: string) => leftOver({ what, why: 'it is in use', todo: 'stop it', cluster: 'shop' });
const at = (time: string): Date => new Date(`2026-11-${time}:00.000Z`);

it('what lasts is one message a day, and each left-over its own', () => {
  const ids = [
    ofToday('shop', left('sandbox a'), at('28T02:00'), 'sandbox a'),
    ofToday('shop', left('sandbox a'), at('28T23:00'), 'sandbox a'),
    ofToday('shop', left('sandbox b'), at('28T23:00'), 'sandbox b'),
    ofToday('shop', left('sandbox a'), at('29T02:00'), 'sandbox a'),
    ofToday('shop', scheduleDrift('shop', ['shop backup nightly is not in Temporal.']), at('28T02:00')),
    ofToday('bank', scheduleDrift('bank', ['bank backup nightly is not in Temporal.']), at('28T02:00')),
  ].map(({ id }) => id);
  expect(ids[1]).toBe(ids[0]);
  expect(new Set(ids).size).toBe(5);
});

it('a left-over says what is there, why, and what to do', () => {
  const message = ofToday('shop', left('sandbox a'), at('28T02:00'), 'sandbox a');
  expect(notificationSchema.parse(message)).toEqual(message);
  expect(message).toMatchObject({
    event: 'failed',
    title: 'sandbox a should be gone and is not',
    text: 'it is in use. To do: stop it',
    command: 'pgdrill janitor',
  });
});
