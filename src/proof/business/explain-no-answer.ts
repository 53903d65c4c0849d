import { codeOf, messageOf } from '../../errors.js';
import type { NoAnswer } from './answer.js';

/** Makes "no answer" of an error that concerns one question; throws every other on. */
export function explainNoAnswer(error: unknown, timeoutMs: number): NoAnswer {
  const code = codeOf(error) ?? '';
  // Class 08 and 57P: the connection or the server ends. No SQLSTATE (five characters) at all: it broke.
  if (!/^[0-9A-Z]{5}$/.test(code) || code.startsWith('08') || code.startsWith('57P') || code === 'EPIPE') throw error;
  const said = `${messageOf(error)} (SQLSTATE ${code})`;
  // Data exceptions, constraint violations and what functions raise quote values: they may be personal data.
  if (/^(22|23|P0)/.test(code)) return { cause: 'refusal', reason: `an error that may quote data (SQLSTATE ${code})` };
  if (code === '57014') return { cause: 'circumstance', reason: `${said}; its timeout is ${timeoutMs / 1_000} s` };
  if (code === '55P03' || code.startsWith('53')) return { cause: 'circumstance', reason: said };
  if (/could not (access file|load library)/.test(said)) {
    return { cause: 'circumstance', reason: `${said}; this server lacks the library of an extension` };
  }
  return { cause: code.startsWith('XX') || code.startsWith('58') ? 'damage' : 'refusal', reason: said };
}
