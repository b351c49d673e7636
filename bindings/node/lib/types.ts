/** What programs see: the shape is that of nats.js. */

export type * from "./connection_types";
export type * from "./documents";
export type * from "./jetstream_types";
export type * from "./jwt_types";
export type * from "./message_types";
