CREATE TABLE IF NOT EXISTS `chain`.`transfers_rows` (
  `block_number` UInt64 COMMENT 'Number of the block' CODEC(ZSTD(1)),
  `log_index` UInt32 COMMENT 'Position in the block' CODEC(ZSTD(1)),
  `address` FixedString(42) COMMENT 'The contract\'s address' CODEC(ZSTD(1)),
  `standard` LowCardinality(String) COMMENT 'Kind' CODEC(ZSTD(1)),
  `value` Nullable(UInt256) COMMENT 'Amount' CODEC(ZSTD(1)),
  `topics` Array(FixedString(66)) COMMENT 'Topics' CODEC(ZSTD(1)),
  `block_timestamp` DateTime64(3, 'UTC') COMMENT 'Time of the block' CODEC(ZSTD(1)),
  `_unit` UInt64 CODEC(ZSTD(1)),
  `_index` UInt64 CODEC(ZSTD(1)),
  `_version` UInt64 CODEC(ZSTD(1)),
  `_deleted` UInt8 CODEC(ZSTD(1)),
  INDEX `by_address` `address` TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX `by_value` `value` TYPE minmax GRANULARITY 4
)
ENGINE = ReplacingMergeTree(_version, _deleted)
PARTITION BY toYYYYMM(`block_timestamp`)
PRIMARY KEY (`block_number`, `log_index`)
ORDER BY (`block_number`, `log_index`, `_unit`, `_index`)
TTL toDateTime(`block_timestamp`) + INTERVAL 7776000 SECOND
SETTINGS non_replicated_deduplication_window = 0;

CREATE OR REPLACE VIEW `chain`.`transfers` AS
SELECT `block_number`, `log_index`, `address`, `standard`, `value`, `topics`, `block_timestamp`
FROM `chain`.`transfers_rows` FINAL
WHERE _deleted = 0
  AND `block_timestamp` >= now() - INTERVAL 7776000 SECOND
SETTINGS do_not_merge_across_partitions_select_final = 1, use_skip_indexes_if_final = 1;

ALTER TABLE `chain`.`transfers_rows` ADD COLUMN IF NOT EXISTS `standard` LowCardinality(String) COMMENT 'Kind' CODEC(ZSTD(1)) AFTER `address`;

ALTER TABLE `chain`.`transfers_rows` ADD INDEX IF NOT EXISTS `by_topics` `topics` TYPE bloom_filter(0.001) GRANULARITY 1;

ALTER TABLE `chain`.`transfers_rows` MATERIALIZE INDEX `by_topics`;

ALTER TABLE `chain`.`transfers_rows` MODIFY TTL toDateTime(`block_timestamp`) + INTERVAL 7776000 SECOND;

RENAME TABLE `chain`.`transfers_rows` TO `chain`.`transfers_rows_before`;

CREATE TABLE IF NOT EXISTS `chain`.`transfers_rows` (
  `block_number` UInt64 COMMENT 'Number of the block' CODEC(ZSTD(1)),
  `log_index` UInt32 COMMENT 'Position in the block' CODEC(ZSTD(1)),
  `address` FixedString(42) COMMENT 'The contract\'s address' CODEC(ZSTD(1)),
  `standard` LowCardinality(String) COMMENT 'Kind' CODEC(ZSTD(1)),
  `value` Nullable(UInt256) COMMENT 'Amount' CODEC(ZSTD(1)),
  `topics` Array(FixedString(66)) COMMENT 'Topics' CODEC(ZSTD(1)),
  `block_timestamp` DateTime64(3, 'UTC') COMMENT 'Time of the block' CODEC(ZSTD(1)),
  `_unit` UInt64 CODEC(ZSTD(1)),
  `_index` UInt64 CODEC(ZSTD(1)),
  `_version` UInt64 CODEC(ZSTD(1)),
  `_deleted` UInt8 CODEC(ZSTD(1)),
  INDEX `by_address` `address` TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX `by_value` `value` TYPE minmax GRANULARITY 4
)
ENGINE = ReplacingMergeTree(_version, _deleted)
PARTITION BY toYYYYMM(`block_timestamp`)
PRIMARY KEY (`block_number`, `log_index`)
ORDER BY (`block_number`, `log_index`, `_unit`, `_index`)
TTL toDateTime(`block_timestamp`) + INTERVAL 7776000 SECOND
SETTINGS non_replicated_deduplication_window = 0;

INSERT INTO `chain`.`transfers_rows` (`block_number`, `log_index`, `address`, `standard`, `value`, `topics`, `block_timestamp`) SELECT `block_number`, `log_index`, `address`, `standard`, `value`, `topics`, `block_timestamp` FROM `chain`.`transfers_rows_before` SETTINGS max_partitions_per_insert_block = 0;

DROP TABLE `chain`.`transfers_rows_before`;
