/**
 * The file sink on small rows, for tests of what only files have.
 *
 * @module
 */
import type {
  Batch,
  Config,
  OpenSink,
  Row,
  Schema,
  SinkState,
  UnitInfo,
} from "../../../runtime/component.ts";
import { fileSink } from "../../../connectors/files/sink.ts";
import { openContext } from "../../contracts/open_context.ts";

/** One number and one text a row. */
export const smallSchema: Schema = [
  { name: "block_number", type: "uint64", doc: "Number of the block" },
  { name: "text", type: "string", nullable: true, doc: "Anything" },
];

/** The config of a file sink. */
export type FileConfig = Config<typeof fileSink.fields>;

/** A config with what is not given left out. */
export function fileConfig(
  path: string,
  { rotate, ...given }: Partial<Omit<FileConfig, "path" | "rotate">> & {
    rotate?: { blocks?: number; bytes?: number };
  } = {},
): FileConfig {
  return {
    path,
    format: undefined,
    compress: undefined,
    rotate: rotate && { blocks: undefined, bytes: undefined, ...rotate },
    ...given,
  };
}

/** Options of {@linkcode openFile}. */
export interface OpenOptions {
  readonly state?: SinkState | void;
  readonly sink?: string;
  readonly schema?: Schema;
}

/** A file sink that writes one row a block. */
export interface FileBench extends AsyncDisposable {
  readonly sink: OpenSink<unknown>;
  /** Write a batch of these blocks; each has one row. */
  write(...blocks: number[]): Promise<SinkState | void>;
  writeBatch(batch: Batch<unknown>): Promise<SinkState | void>;
  batch(blocks: readonly number[], signal?: AbortSignal): Batch<unknown>;
}

/** Open a file sink. */
export async function openFile(
  config: FileConfig,
  { state, sink: name = "rows", schema = smallSchema }: OpenOptions = {},
): Promise<FileBench> {
  const sink: OpenSink<unknown> = await fileSink.open(config, {
    ...openContext({ name, pipeline: "test" }),
    connection: {},
    schema,
    state: state ? JSON.parse(JSON.stringify(state)) : undefined,
  });
  const batch = (blocks: readonly number[], signal?: AbortSignal) => {
    const chunks = blocks.map((number) => {
      const unit: UnitInfo = {
        number,
        id: `0x${number}`,
        time: number,
        op: "insert",
        version: number,
      };
      const row: Row = { block_number: number, text: `row ${number}` };
      return { ...sink.encode([row], unit, () => {}), rows: 1, unit };
    });
    return {
      chunks,
      rows: chunks.length,
      bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
      token: blocks.join(),
      signal: signal ?? new AbortController().signal,
    };
  };
  return {
    sink,
    batch,
    writeBatch: (one) => sink.write(one),
    write: (...blocks) => sink.write(batch(blocks)),
    [Symbol.asyncDispose]: async () => await sink[Symbol.asyncDispose]?.(),
  };
}

/** The JSON lines of blocks, as `openFile` writes them. */
export function linesOf(...blocks: number[]): string {
  return blocks.map((number) =>
    `{"block_number":${number},"text":"row ${number}","_op":"insert"}\n`
  ).join("");
}
