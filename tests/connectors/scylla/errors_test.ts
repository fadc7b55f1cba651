import assert from "node:assert/strict";
import driver from "cassandra-driver";
import {
  responseCode,
  scyllaError,
} from "../../../connectors/scylla/errors.ts";
import { RetryableError, UserError } from "../../../runtime/component.ts";

// The driver has them, its types do not say so.
const { errors } = driver as unknown as {
  readonly errors: {
    readonly [name: string]: new (...all: unknown[]) => Error;
  };
};

function made(name: string, ...all: unknown[]): Error {
  const known = errors[name];
  assert(known, name);
  return new known(...all);
}

const context = { connection: "hot", hosts: "a:9042", username: "u" };

function classOf(error: unknown): string {
  const typed = scyllaError(error, context);
  assert(typed instanceof Error);
  return typed.constructor.name;
}

Deno.test("scyllaError() waits for load, restarts and lost replicas", () => {
  const { name } = RetryableError;
  const codes = [0, 0x1000, 0x1001, 0x1002, 0x1003, 0x1100, 0x1200, 0x1300];
  for (const code of [...codes, 0x1500, 0x1600, 0x1700, 0x2500]) {
    const answer = made("ResponseError", code, "Overloaded");
    assert.equal(classOf(answer), name, code.toString(16));
    const none = made("NoHostAvailableError", { "a:9042": answer });
    assert.equal(classOf(none), name, code.toString(16));
  }
  for (
    const error of [
      made("OperationTimedOutError", "No answer within 12000 ms", "a:9042"),
      made("BusyConnectionError", "a:9042", 2048, 1),
      made("DriverError", "Socket was closed"),
      made("NoHostAvailableError", {}),
      made("ResponseError", 0x2200, "Keyspace 'mainnet' does not exist"),
      made("NoHostAvailableError", { "a:9042": "Host considered as DOWN" }),
      new Error("No connection available"),
      new Error("connect ECONNREFUSED 127.0.0.1:1"),
    ]
  ) assert.equal(classOf(error), name, error.message);
});

Deno.test("scyllaError() tells what the user must mend", () => {
  const { name } = UserError;
  for (const code of [0x0100, 0x2000, 0x2100, 0x2200, 0x2300, 0x2400]) {
    const answer = made("ResponseError", code, "No");
    assert.equal(classOf(answer), name, code.toString(16));
    const none = made("NoHostAvailableError", { "a:9042": answer });
    assert.equal(classOf(none), name, code.toString(16));
  }
  const refused = made("AuthenticationError", "Provided username …");
  assert.equal(classOf(refused), name);
});

Deno.test("scyllaError() says what every host has said", () => {
  const inner = {
    "a:9042": made("ResponseError", 0x1000, "Not enough replicas"),
    "b:9042": null,
  };
  const typed = scyllaError(made("NoHostAvailableError", inner), context);
  assert.equal(
    (typed as Error).message,
    'Scylla "hot" at a:9042: Not enough replicas; too few replicas are up ' +
      "for this consistency and the keyspace's replication; b:9042: no answer",
  );
});

Deno.test("scyllaError() leaves alone what is not the driver's", () => {
  const bug = new TypeError("x is not a function");
  assert.equal(scyllaError(bug, context), bug);
  const ours = new RetryableError("Wait");
  assert.equal(scyllaError(ours, context), ours);
});

Deno.test("responseCode() finds the answer of any host", () => {
  const answer = made("ResponseError", 0x2500, "Unprepared");
  assert.equal(responseCode(answer), 0x2500);
  const inner = { "a:9042": "down", "b:9042": answer };
  assert.equal(responseCode(made("NoHostAvailableError", inner)), 0x2500);
  assert.equal(responseCode(new Error("x")), undefined);
  assert.equal(responseCode(undefined), undefined);
});
