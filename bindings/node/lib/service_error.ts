/** Errors that services answer with. */

import { InvalidArgumentError } from "./errors";
import { MsgHdrsImpl } from "./headers";
import type { MsgHdrs } from "./types";

/** The header that has the description of an error. */
export const ServiceErrorHeader = "Nats-Service-Error";
/** The header that has the code of an error. */
export const ServiceErrorCodeHeader = "Nats-Service-Error-Code";

/** An error that a service answers with: what a handler throws, and what whoever asks makes of an answer. */
export class ServiceError extends Error {
  /** The service's own number, in the manner of HTTP. */
  code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = "ServiceError";
    this.code = code;
  }

  /** Whether an answer is an error. */
  static isServiceError(msg: { headers?: MsgHdrs | undefined }): boolean {
    return ServiceError.toServiceError(msg) !== null;
  }

  /** The error that an answer is; null: it is none. */
  static toServiceError(msg: { headers?: MsgHdrs | undefined }): ServiceError | null {
    const code = msg.headers?.get(ServiceErrorCodeHeader) ?? "";
    if (code === "") {
      return null;
    }
    const description = msg.headers?.get(ServiceErrorHeader) ?? "";
    return new ServiceError(Number.parseInt(code, 10) || 400, description || code);
  }
}

/** What a handler that has thrown answers with. */
export function failure(thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) {
    return thrown;
  }
  const isError = thrown instanceof Error;
  const text = (isError ? thrown.message : String(thrown)).replace(/\s+/g, " ").trim();
  return new ServiceError(500, text || (isError ? thrown.name : "the handler has failed"));
}

/** The headers of an answer that is an error, and what goes with it besides. */
export function errorHeaders(code: unknown, description: unknown, more?: MsgHdrs): MsgHdrs {
  if (!Number.isSafeInteger(code) || (code as number) < 1) {
    throw new InvalidArgumentError(`code: ${String(code)}; expected a whole number of at least 1`);
  }
  if (typeof description !== "string" || description === "") {
    throw new InvalidArgumentError("description: expected a text that is not empty");
  }
  const headers = new MsgHdrsImpl();
  for (const [name, values] of more ?? []) {
    values.forEach((value) => headers.append(name, value));
  }
  headers.set(ServiceErrorHeader, description);
  headers.set(ServiceErrorCodeHeader, String(code));
  return headers;
}
