/**
 * Opens a scylla sink.
 *
 * @module
 */
import {
  type OpenSink,
  type SinkContext,
  UserError,
} from "../../runtime/component.ts";
import type { ScyllaClient } from "./client.ts";
import { responseCode } from "./errors.ts";
import { describeTable, fullName, prepareTable } from "./prepare.ts";
import { type EncodedRows, rowEncoder } from "./rows.ts";
import { shapeOf, type SinkConfig } from "./sink.ts";
import type { TableShape } from "./table.ts";
import { Timeline } from "./timeline.ts";
import { executor, type Plan, planWrite } from "./writes.ts";

/** Open a sink: its table exists then, with the columns of the rows. */
export async function openSink(
  config: SinkConfig,
  { connection, name, schema, shared = false, state }: SinkContext<
    ScyllaClient
  >,
): Promise<OpenSink<EncodedRows>> {
  const { keyspace } = connection;
  const shape = shapeOf({ config, schema, name, keyspace });
  await prepareTable(shape, { connection, name });
  const encode = rowEncoder(shape);
  const { execute } = executor(connection, { ...config, shape });
  let last = Number(state?.["timestamp"] ?? 0);
  let unfinished: Plan | undefined;
  return {
    encode(rows, unit, reject) {
      const data = encode(rows, unit.op, reject);
      return { data, bytes: data.values.length };
    },
    async write({ chunks, signal }) {
      const plan = unfinished?.chunks === chunks
        ? unfinished
        : planWrite(chunks, {
          shape,
          timeline: new Timeline(last, { shared }),
        });
      unfinished = plan;
      try {
        await execute(plan, signal);
      } catch (error) {
        throw await causeOf(error, { connection, name, shape });
      } finally {
        // Rejected or stored: either way these rows are behind us.
        if (plan.waiting.length === 0) last = plan.last;
      }
      return { timestamp: last };
    },
  };
}

/**
 * A statement that a server does not know and cannot prepare again, as when
 * it has been restarted, is of a table that somebody has dropped.
 */
async function causeOf(
  error: unknown,
  { connection, name, shape }: {
    readonly connection: ScyllaClient;
    readonly name: string;
    readonly shape: TableShape;
  },
): Promise<unknown> {
  const { cause } = error as Error;
  if (responseCode(cause) !== unprepared) return error;
  if ((await describeTable(shape, connection)).length > 0) return error;
  return new UserError(
    `Table "${fullName(shape)}" of sink "${name}" is gone: run ` +
      "`reset` for the sink to fill a new one",
    { cause },
  );
}

const unprepared = 0x2500;
