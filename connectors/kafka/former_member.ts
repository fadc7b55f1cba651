/**
 * Takes a dead member out of its group.
 *
 * A member whose connection broke is still one to the brokers until its
 * session ends, and until then no other gets a partition. kafkajs begins anew
 * as another member, so that after every outage the process would wait for
 * itself.
 *
 * @module
 */
import type { Cluster, PartitionAssigner } from "kafkajs";

/** What kafkajs' declarations leave out of a broker. */
interface Coordinator {
  leaveGroup(member: {
    readonly groupId: string;
    readonly memberId: string;
  }): Promise<unknown>;
}

/** Assigns partitions as kafkajs does, and sees the consumer's cluster. */
export class ClusterView {
  #cluster: Cluster | undefined;

  /** An assigner for the consumer whose cluster is wanted. */
  async assigner(): Promise<PartitionAssigner> {
    const kafkajs = await import("kafkajs");
    const { PartitionAssigners } = kafkajs.default ?? kafkajs;
    return (config) => {
      this.#cluster = config.cluster;
      return PartitionAssigners.roundRobin(config);
    };
  }

  /** Take a member out; the consumer must be connected. */
  async forget(groupId: string, memberId: string): Promise<void> {
    const coordinator = await this.#cluster?.findGroupCoordinator({ groupId });
    await (coordinator as unknown as Coordinator | undefined)
      ?.leaveGroup({ groupId, memberId });
  }
}
