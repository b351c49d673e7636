/** What every error of the package derives from, and the classes that stand for no code alone. */

/** An error of the package. The subclasses stand for one code each; see docs/errors.md. */
export class NatsError extends Error {
  /** @internal */
  static readonly code: number = 1;
  /** @internal */
  static readonly codeName: string = "INTERNAL";

  /** The stable number of what went wrong, the same in every language. */
  readonly code: number;
  /** Its stable name, for example `NO_RESPONDERS`. */
  readonly codeName: string;
  /** What JetStream refused, in the manner of HTTP; only when it is JetStream that has refused. */
  declare readonly apiCode?: number;
  /** JetStream's own number of the refusal; so is this, and the next. */
  declare readonly errCode?: number;
  /** JetStream's own words. */
  declare readonly description?: string;

  constructor(message = "", options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = new.target.code;
    this.codeName = new.target.codeName;
  }
}

/** A request that was refused: `cause` says why, and the code is that of the cause. */
export class RequestError extends NatsError {
  override readonly code: number;
  override readonly codeName: string;

  constructor(message = "", options?: ErrorOptions) {
    super(message, options);
    const cause = options?.cause;
    this.code = cause instanceof NatsError ? cause.code : NatsError.code;
    this.codeName = cause instanceof NatsError ? cause.codeName : NatsError.codeName;
  }

  /** Whether nobody was subscribed to the subject of the request. */
  isNoResponders(): boolean {
    return this.cause instanceof UnansweredError;
  }
}

/** Something was asked of an object that it cannot do, or cannot do any more. */
export class InvalidOperationError extends NatsError {
  static override readonly code: number = 3;
  static override readonly codeName: string = "INVALID_ARGUMENT";
}

/** Nobody answers under a subject. */
export class UnansweredError extends NatsError {
  /** The subject of the request. */
  subject = "";
}

const VIOLATION = /(Publish|Subscription) to "([^"]*)"(?: using queue "([^"]*)")?/;

/** The server denied something; what that was stands in its words. */
export class ViolationError extends NatsError {
  /** What was denied. */
  readonly operation: "publish" | "subscription";
  /** The subject concerned. */
  readonly subject: string;
  /** The queue group of a denied subscription. */
  readonly queue: string | undefined;

  constructor(message = "", options?: ErrorOptions) {
    super(message, options);
    const found = VIOLATION.exec(message);
    this.operation = found?.[1] === "Subscription" ? "subscription" : "publish";
    this.subject = found?.[2] ?? "";
    this.queue = found?.[3];
  }
}
