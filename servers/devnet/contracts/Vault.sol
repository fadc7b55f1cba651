// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

/// A purse of ether behind an ERC-1967 proxy.
contract Vault is Initializable, UUPSUpgradeable {
    address public owner;
    mapping(address account => uint256 amount) public balanceOf;

    event Deposited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, uint256 amount);

    function initialize(address owner_) external initializer {
        owner = owner_;
    }

    function deposit() external payable {
        _deposit(msg.sender);
    }

    function withdraw(uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        emit Withdrawn(msg.sender, amount);
        (bool sent,) = msg.sender.call{value: amount}("");
        require(sent, "Vault: not sent");
    }

    function _deposit(address account) internal {
        balanceOf[account] += msg.value;
        emit Deposited(account, msg.value);
    }

    function _authorizeUpgrade(address) internal view override {
        require(msg.sender == owner, "Vault: not the owner");
    }
}

/// The second version, which the proxy is upgraded to in mid chain.
contract VaultV2 is Vault {
    function depositFor(address account) external payable {
        _deposit(account);
    }
}

/// The proxy; named so that its bytecode is compiled with the rest.
contract VaultProxy is ERC1967Proxy {
    constructor(address implementation, bytes memory data)
        ERC1967Proxy(implementation, data)
    {}
}
