/**
 * A Cassandra that wants TLS and a user, and asks what the user may do.
 *
 * @module
 */
import { openCassandra } from "../../../servers/services/cassandra.ts";
import type { Service } from "../../../servers/services/service.ts";

/** A server of its own with a certificate that it has signed itself. */
export interface Guarded extends AsyncDisposable {
  readonly server: Service;
  /** PEM file of the authority to trust. */
  readonly ca: string;
}

/** Start one; its user is `cassandra` with password `cassandra`. */
export async function startGuarded(): Promise<Guarded> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-" });
  const server = await openCassandra(folder, {
    authenticator: "PasswordAuthenticator",
    owner: { pid: Deno.pid, temporary: folder },
  });
  const end = async () => {
    await server.kill();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    const store = `${folder}/server.p12`;
    const ca = `${folder}/server.pem`;
    await certificate(store, ca);
    await Deno.writeTextFile(
      `${folder}/conf/cassandra.yaml`,
      `authorizer: { class_name: CassandraAuthorizer }
client_encryption_options:
  { enabled: true, keystore: ${store}, keystore_password: secret, store_type: PKCS12 }
`,
      { append: true },
    );
    await server.start();
    return { server, ca, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function certificate(store: string, ca: string): Promise<void> {
  const own = ["-keystore", store, "-storepass", "secret", "-alias", "server"];
  await keytool([
    ...["-genkeypair", ...own, "-storetype", "PKCS12", "-keyalg", "RSA"],
    ...["-dname", "CN=localhost", "-ext", "san=ip:127.0.0.1,dns:localhost"],
  ]);
  await keytool(["-exportcert", ...own, "-rfc", "-file", ca]);
}

async function keytool(args: string[]): Promise<void> {
  const { code, stderr, stdout } = await new Deno.Command("keytool", { args })
    .output();
  if (code === 0) return;
  const text = new TextDecoder();
  throw new Error(text.decode(stdout) + text.decode(stderr));
}
