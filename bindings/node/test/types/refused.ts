// What must not compile: every line that is wrong says so, and tsc finds nothing else.

import { connect, createUser, encodeUser, headers, Kvm, type NatsConnection } from "nats-ffi";

export async function refused(nc: NatsConnection): Promise<void> {
  // @ts-expect-error the option's name is wrong
  await connect({ nmae: "x" });
  // @ts-expect-error the option's type is wrong
  await connect({ pingInterval: "1s" });
  // @ts-expect-error there is no such policy
  await connect({ outboundPolicy: "nothing" });
  // @ts-expect-error a payload is text or bytes
  nc.publish("a", 5);
  // @ts-expect-error a subject is text
  nc.subscribe(5);
  // @ts-expect-error there is no such strategy
  await nc.requestMany("a", "", { strategy: "never" });
  // @ts-expect-error values are text
  headers().append("A", 5);
  // @ts-expect-error the claim's name is wrong
  await encodeUser("joe", createUser(), "A", { publishAlow: [] });
  const js = nc.jetstream();
  // @ts-expect-error a stream has a name
  await js.streamCreate({ subjects: ["s"] });
  // @ts-expect-error there is no such storage
  await js.streamCreate({ name: "S", storage: "paper" });
  // @ts-expect-error the option's name is wrong
  await js.publish("s", "", { msgID: "x" });
  // @ts-expect-error a sequence is a number
  await js.streamGetMessage({ stream: "S", seq: "5" });
  // @ts-expect-error what is signed is bytes
  createUser().sign("text");
  const kv = await new Kvm(nc).open("b");
  // @ts-expect-error buckets are not of subscriptions
  new Kvm(nc.subscribe("s"));
  // @ts-expect-error the option's name is wrong
  await kv.watch({ keys: "a" });
  // @ts-expect-error there is no such beginning
  await kv.watch({ include: "all" });
  // @ts-expect-error a revision is a number
  await kv.update("a", "x", "1");
  // @ts-expect-error who reads alone puts nothing
  await kv.readonly().put("a", "x");
  // @ts-expect-error it may be that there is none
  (await kv.get("a")).string();
}
