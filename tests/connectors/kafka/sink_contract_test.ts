import { kafkaSink } from "../../../connectors/kafka/sink.ts";
import { netRows } from "../../contracts/canonical.ts";
import { sinkContract } from "../../contracts/sink_contract.ts";
import { kafka, uniqueName, withoutJava } from "../../services/mod.ts";
import { changesOf, connect, readTopic, sinkConfig } from "./bus.ts";

/** Each test is a pipeline of its own: cursors are kept by its name. */
const definition: typeof kafkaSink = {
  ...kafkaSink,
  open: (config, context) =>
    kafkaSink.open(config, { ...context, pipeline: config.topic.text }),
};

sinkContract({
  name: "kafka, json",
  definition,
  ignore: withoutJava(),
  async arrange(schema) {
    const topic = uniqueName("rows");
    const client = await connect(await kafka());
    return {
      config: sinkConfig(topic, { key: ["block_number"], partitions: 3 }),
      connection: client,
      read: async () =>
        netRows(schema, changesOf(await readTopic(client, topic))),
      [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
    };
  },
});
