/**
 * One JSON object a line.
 *
 * @module
 */
import {
  type Encoded,
  jsonLines,
  type Row,
  type Schema,
  type UnitInfo,
} from "../../runtime/component.ts";

/** How a format turns rows into the bytes of a file. */
export interface TextFormat {
  /** What every file starts with. */
  readonly header: string;
  encode(rows: readonly Row[], unit: UnitInfo): Encoded<Uint8Array>;
}

const utf8 = new TextEncoder();

/** JSON lines of a schema, `_op` behind its columns. */
export function jsonlFormat(schema: Schema): TextFormat {
  const lines = {
    insert: jsonLines(schema, { extra: { _op: "insert" } }),
    retract: jsonLines(schema, { extra: { _op: "retract" } }),
  };
  return {
    header: "",
    encode(rows, unit) {
      const data = utf8.encode(lines[unit.op](rows));
      return { data, bytes: data.length };
    },
  };
}
