// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// What feeds answer with: one transaction a block moves all of them.
contract Answers {
    int256 public value;

    function set(int256 next) external {
        value = next;
    }
}

/// A Chainlink feed: the same answers at any address, each its own.
contract Feed {
    Answers private constant ANSWERS =
        Answers(0x00000000000000000000000000000000000A5005);

    function latestAnswer() external view returns (int256) {
        return ANSWERS.value() + int256(uint256(uint160(address(this)) % 10_000));
    }

    function decimals() external pure returns (uint8) {
        return 8;
    }

    function description() external pure returns (string memory) {
        return "ANY / USD";
    }

    function latestRoundData()
        external
        view
        returns (
            uint80 roundId,
            int256 answer,
            uint256 startedAt,
            uint256 updatedAt,
            uint80 answeredInRound
        )
    {
        return (7, ANSWERS.value(), block.timestamp, block.timestamp, 7);
    }
}

/// A feed without data, as a phased-out aggregator is.
contract SilentFeed {
    fallback() external {
        revert("No data present");
    }
}

/// A feed that can be destroyed.
contract MortalFeed {
    function latestAnswer() external pure returns (int256) {
        return 1;
    }

    function decimals() external pure returns (uint8) {
        return 8;
    }

    function description() external pure returns (string memory) {
        return "MORTAL";
    }

    function destroy() external {
        selfdestruct(payable(msg.sender));
    }
}

/// A token of the first years: its symbol is a word, as that of MKR.
contract WordToken {
    function symbol() external pure returns (bytes32) {
        return "MKR";
    }

    function name() external pure returns (bytes32) {
        return "Maker";
    }

    function decimals() external pure returns (uint8) {
        return 18;
    }
}

/// What Aave's pool says of its reserves.
contract Pool {
    address[] private reserves;

    function add(address asset) external {
        reserves.push(asset);
    }

    function getReservesList() external view returns (address[] memory) {
        return reserves;
    }
}

/// Aave's oracle; prices have eight decimals.
contract PriceOracle {
    Answers private constant ANSWERS =
        Answers(0x00000000000000000000000000000000000A5005);

    function getAssetPrice(address asset) external view returns (uint256) {
        return uint256(ANSWERS.value()) * 10_000 + uint160(asset) % 10_000;
    }
}
