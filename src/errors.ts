/**
 * Every error that pgdrill raises on purpose. Each says what happened, what it means and what to do; each knows the
 * exit code that the CLI ends with and whether time alone may mend it (then Temporal retries the step).
 */
export interface Explanation {
  /** What happened, with the value or path concerned. */
  what: string;
  /** What that means for the person reading it. */
  means: string;
  /** What to do now. */
  todo: string;
}

export const exitCodes = {
  done: 0,
  failed: 1,
  unproven: 2,
  usage: 64,
  unreachable: 69,
  configuration: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export abstract class PgdrillError extends Error {
  readonly exitCode: ExitCode = exitCodes.failed;
  /** True where trying again later may succeed without anyone doing anything. */
  readonly retryable: boolean = false;
  readonly explanation: Explanation;

  constructor(explanation: Explanation, options?: ErrorOptions) {
    super(`${explanation.what}\n  Meaning: ${explanation.means}\n  To do: ${explanation.todo}`, options);
    this.name = new.target.name;
    this.explanation = explanation;
  }
}

/** A command or a workflow was given something it cannot accept. */
export class UsageError extends PgdrillError {
  override readonly exitCode: ExitCode = exitCodes.usage;
}

/** The configuration file is missing, unreadable or wrong. */
export class ConfigurationError extends PgdrillError {
  override readonly exitCode: ExitCode = exitCodes.configuration;
}

/** A recovery target that no backup and WAL in the repository can reach. */
export class TargetError extends PgdrillError {
  override readonly exitCode: ExitCode = exitCodes.usage;
}

/** A server (PostgreSQL or Temporal) does not answer. It may come back. */
export class UnreachableError extends PgdrillError {
  override readonly exitCode: ExitCode = exitCodes.unreachable;
  override readonly retryable: boolean;
  /** Of a PostgreSQL server, without any secret. */
  readonly address: string | undefined;
  /** The address is right: the server itself said that it starts, stops or is full, or the connection had stood. */
  readonly answered: boolean;

  constructor(
    explanation: Explanation,
    options: ErrorOptions & { address?: string; answered?: boolean; retryable?: boolean } = {},
  ) {
    super(explanation, options);
    this.retryable = options.retryable ?? true;
    this.address = options.address;
    this.answered = options.answered ?? false;
  }
}

/** A server answers but refuses us: wrong password, missing role, pg_hba.conf. Waiting does not mend that. */
export class AccessError extends PgdrillError {
  override readonly exitCode: ExitCode = exitCodes.unreachable;
}

/** The source cluster is not set up for what was asked (version, settings, privileges, archiving). */
export class SourceNotReadyError extends PgdrillError {}

/** The repository cannot give what is needed: a backup or WAL segment is missing, damaged or foreign. */
export class RepositoryError extends PgdrillError {}

/** Retention does not trust the clock or what it sees, or would leave too little: nothing was deleted. */
export class RetentionRefusedError extends PgdrillError {}

/** Somebody else holds what we need (a lock that is in use). */
export class BusyError extends PgdrillError {
  override readonly retryable: boolean = true;
}

/** A later attempt at the same step has taken over: this one, which was only slow, must not touch anything any more. */
export class SupersededError extends PgdrillError {
  override readonly retryable: boolean = true;

  constructor(what: string) {
    super({
      what,
      means: 'This attempt was taken for dead, and another one does its work.',
      todo: 'Nothing: the other attempt’s result counts.',
    });
  }
}

/** There is no room left on a disk. */
export class DiskFullError extends PgdrillError {}

/** A disk does not let us write: read-only, a wrong owner, an I/O error, something else in the way. */
export class StorageError extends PgdrillError {}

/** A needed program is missing or too old. */
export class ToolchainError extends PgdrillError {}

/** The sandbox did not do what a restored server must do. */
export class SandboxError extends PgdrillError {}

/** A kind of sabotage finds nothing that it could break in this cluster, such as a function where there is none. */
export class NothingToBreakError extends PgdrillError {
  override readonly exitCode: ExitCode = exitCodes.unproven;
}

/** No fence could be had: every try found no LSN that equals a snapshot. Trying later may. */
export class FenceError extends PgdrillError {
  override readonly retryable: boolean = true;
}

/** A standby was promoted while it was copied. The next try asks anew which server is what. */
export class PromotedError extends PgdrillError {
  override readonly retryable: boolean = true;
}

/** A PostgreSQL tool ended with an error that nothing above describes. */
export class ToolError extends PgdrillError {
  override readonly retryable: boolean = true;
  readonly tool: string;
  readonly toolExitCode: number | undefined;
  readonly stderrTail: string;

  constructor(
    tool: { name: string; exitCode: number | undefined; signal: string | undefined; stderrTail: string },
    options?: ErrorOptions,
  ) {
    const ending = tool.signal === undefined ? `exit code ${String(tool.exitCode)}` : `signal ${tool.signal}`;
    super(
      {
        what: `${tool.name} failed with ${ending}: ${tool.stderrTail.trim() || '(it printed nothing)'}`,
        means: 'The step did not finish; what it had begun is not used.',
        todo: `Read the message of ${tool.name} above; pgdrill tries again where that can help.`,
      },
      options,
    );
    this.tool = tool.name;
    this.toolExitCode = tool.exitCode;
    this.stderrTail = tool.stderrTail;
  }
}

/** A PostgreSQL tool was ended from outside, or hung and was ended: that says nothing about what it worked on. */
export class ToolKilledError extends ToolError {}

/** The text of anything thrown, for messages that quote it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system error code (`ENOENT`, `ECONNREFUSED`, an SQLSTATE) of anything thrown, if it has one. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
