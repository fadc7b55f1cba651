/**
 * Records as units: one each, so that a record can be acknowledged, taken
 * back or rejected alone.
 *
 * @module
 */
import {
  type Checked,
  type Counter,
  type Logger,
  plainJson,
  type Row,
  type SourceUnit,
} from "../../runtime/component.ts";
import type { RecordHead } from "./identity.ts";
import { Identities, type Identity } from "./identity.ts";
import type { ReadValue } from "./values.ts";

/** A record of a topic. */
export interface TopicRecord extends RecordHead {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** What units are made with. */
export interface UnitOptions {
  readonly read: ReadValue;
  readonly log: Logger;
  /** Records without a value that were skipped. */
  readonly tombstones: Counter;
}

/** What a unit takes in memory besides its row. */
const unitBytes = 300;

/** Objects take more than the text that they were read from. */
const bytesPerByte = 2;

/** Compile what makes a unit of a record. */
export function unitReader(
  { log, read, tombstones }: UnitOptions,
): (record: TopicRecord) => SourceUnit | Promise<SourceUnit> {
  const identities = new Identities();
  let skipped = false;
  const skip = (record: TopicRecord) => {
    tombstones.add();
    if (skipped) return;
    skipped = true;
    log.warn("Records without a value are skipped: they hold no row", {
      first: placeOf(record),
    });
  };
  return (record) => {
    const { identity, ours, problem } = identities.identify(record);
    if (problem !== undefined) return rejected(record, identity, problem);
    if (record.value === null) {
      // Who skipped this would keep a row that is no more.
      if (ours) return rejected(record, identity, noRow);
      skip(record);
      return unit(record, identity, {});
    }
    const checked = read(record.value);
    if (!(checked instanceof Promise)) return unitOf(record, identity, checked);
    return checked.then((checked) => unitOf(record, identity, checked));
  };
}

const noRow = "A retraction without its row: the sink that wrote it has " +
  "tombstone: true, so that only the key is known";

function unitOf(
  record: TopicRecord,
  identity: Identity,
  { problem, row }: Checked,
): SourceUnit {
  return row === undefined
    ? rejected(record, identity, problem)
    : unit(record, identity, { rows: { rows: [row] } });
}

function rejected(
  record: TopicRecord,
  identity: Identity,
  problem: string,
): SourceUnit {
  const reason = `Record ${placeOf(record)}: ${problem}`;
  return unit(record, identity, {
    rejects: [{ row: rawRow(record), reason }],
  });
}

function unit(
  { key, value }: TopicRecord,
  identity: Identity,
  more: Partial<SourceUnit>,
): SourceUnit {
  const bytes = (key?.length ?? 0) + (value?.length ?? 0);
  return {
    ...identity,
    rows: {},
    bytes: unitBytes + bytes * bytesPerByte,
    final: true,
    ...more,
  };
}

/** Everything that there is of a record, so that it can be sent again. */
function rawRow(record: TopicRecord): Row {
  const { headers = {}, key, offset, partition, timestamp, topic, value } =
    record;
  const texts = Object.entries(headers).flatMap(([name, header]) =>
    header === undefined || header === null ? [] : [[name, String(header)]]
  );
  return {
    topic,
    partition,
    offset: Number(offset),
    timestamp: Number(timestamp),
    headers: Object.fromEntries(texts),
    ...rawText("key", key),
    ...rawText("value", value),
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as text, or where they are none as `<name>_base64`. */
function rawText(name: string, bytes: Uint8Array | null): Row {
  if (bytes === null) return { [name]: null };
  try {
    return { [name]: utf8.decode(bytes) };
  } catch {
    return { [`${name}_base64`]: bytes.toBase64() };
  }
}

function placeOf({ offset, partition, topic }: TopicRecord): string {
  return plainJson(`${topic}/${partition}/${offset}`);
}
