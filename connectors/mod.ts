/**
 * Every component that a spec may name: a new connector is one line here.
 *
 * The order is that of lists, of the reference and of `new`. Whatever is
 * heavy (a driver, a codec) is imported by `open`, because every verb starts
 * with this file.
 *
 * @module
 */
import type { Registry } from "../runtime/component.ts";
import { blackholeSink } from "./blackhole/sink.ts";
import { clickhouse } from "./clickhouse/connection.ts";
import { clickhouseSink } from "./clickhouse/sink.ts";
import { evm } from "./evm/rpc/connection.ts";
import { abiLookup } from "./evm/lookup/connection.ts";
import { decode } from "./evm/decode/decode.ts";
import { chain } from "./evm/chain/source.ts";
import { state } from "./evm/state/source.ts";
import { fileSink } from "./files/sink.ts";
import { kafka } from "./kafka/connection.ts";
import { kafkaSink } from "./kafka/sink.ts";
import { kafkaSource } from "./kafka/source.ts";
import { classify } from "./rows/classify.ts";
import { filter } from "./rows/filter.ts";
import { module } from "./rows/module.ts";
import { select } from "./rows/select.ts";
import { scylla } from "./scylla/connection.ts";
import { scyllaSink } from "./scylla/sink.ts";
import { stdoutSink } from "./stdout/sink.ts";

/** The components in their fixed order. */
export const components: Registry = [
  evm,
  abiLookup,
  chain,
  state,
  classify,
  filter,
  select,
  module,
  decode,
  fileSink,
  stdoutSink,
  blackholeSink,
  clickhouse,
  clickhouseSink,
  kafka,
  kafkaSource,
  kafkaSink,
  scylla,
  scyllaSink,
];
