import { fileSink } from "../../../connectors/files/sink.ts";
import { type Change, netRows } from "../../contracts/canonical.ts";
import { everyType } from "../../contracts/extreme_rows.ts";
import { sinkContract } from "../../contracts/sink_contract.ts";
import {
  csvChanges,
  FileFolder,
  jsonlChanges,
  parquetChanges,
} from "./file_folder.ts";

interface Variant {
  readonly path: string;
  readonly changes: (text: string) => Change[];
  readonly rotate?: { blocks?: number; bytes?: number };
}

const variants: Record<string, Variant> = {
  "file, jsonl": { path: "rows.jsonl", changes: jsonlChanges },
  "file, csv": { path: "rows.csv", changes: csvChanges },
  "file, gzip": { path: "rows.jsonl.gz", changes: jsonlChanges },
  "file, a file a block": {
    path: "rows.csv",
    changes: csvChanges,
    rotate: { blocks: 1 },
  },
  "file, gzip, a file every 4 KiB": {
    path: "rows.jsonl.gz",
    changes: jsonlChanges,
    rotate: { bytes: 4096 },
  },
};

for (const [name, { path, changes, rotate }] of Object.entries(variants)) {
  sinkContract({
    name,
    definition: fileSink,
    async arrange() {
      const folder = await FileFolder.make();
      return {
        config: {
          path: folder.file(path),
          format: undefined,
          compress: undefined,
          rotate: rotate && { blocks: undefined, bytes: undefined, ...rotate },
        },
        connection: {},
        async read() {
          const texts = await folder.texts();
          return netRows(everyType, texts.flatMap(changes));
        },
        [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
      };
    },
  });
}

const config = {
  format: undefined,
  compress: undefined,
  rotate: undefined,
} as const;

sinkContract({
  name: "file, parquet",
  definition: fileSink,
  largest: { uint64: 2n ** 63n - 1n },
  rejected: { nonce: 2n ** 63n },
  async arrange(schema) {
    const folder = await FileFolder.make();
    return {
      config: { ...config, path: folder.file("rows.parquet") },
      connection: {},
      async read() {
        const changes: Change[] = [];
        for (const name of await folder.names()) {
          changes.push(...await parquetChanges(folder.file(name)));
        }
        return netRows(schema, changes);
      },
      [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
    };
  },
});
