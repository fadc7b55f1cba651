/**
 * ClickHouse's engine behind its HTTP interface, as a server of its own.
 *
 * @module
 */
import {
  installEmbedded,
  serverArgs,
} from "../../connectors/clickhouse/embedded_install.ts";
import { Daemon } from "./daemon.ts";
import { keptPort } from "./ports.ts";
import { Service, type ServiceOptions } from "./service.ts";

/** ClickHouse in a folder, not yet started; user `default`, no password. */
export async function openClickhouse(
  folder: string,
  { owner }: ServiceOptions = {},
): Promise<Service> {
  const port = await keptPort(folder);
  const address = `http://127.0.0.1:${port}`;
  return new Service({
    name: "ClickHouse",
    address,
    daemon: new Daemon(folder, owner),
    launch: async () => {
      await installEmbedded();
      return {
        command: [Deno.execPath(), ...serverArgs(`${folder}/data`, port)],
        ready: async (log) => (await log()).includes(`"url":"${address}"`),
      };
    },
  });
}
