// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {BeaconProxy} from "@openzeppelin/contracts/proxy/beacon/BeaconProxy.sol";
import {UpgradeableBeacon} from "@openzeppelin/contracts/proxy/beacon/UpgradeableBeacon.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";

/// What proxies forward to; the names of arguments tell the versions apart.
contract First {
    event Set(uint256 first);

    function set(uint256 first) external payable {
        emit Set(first);
    }
}

/// The version after an upgrade.
contract Second {
    event Set(uint256 second);

    function set(uint256 second) external payable {
        emit Set(second);
    }
}

/// EIP-1967 with the implementation in its own storage.
contract LogicProxy is ERC1967Proxy {
    constructor(address implementation) ERC1967Proxy(implementation, abi.encodeCall(First.set, (1))) {}

    function upgradeTo(address implementation) external {
        ERC1967Utils.upgradeToAndCall(implementation, "");
    }
}

/// EIP-1967 with a beacon.
contract BeaconsProxy is BeaconProxy {
    constructor(address beacon) BeaconProxy(beacon, abi.encodeCall(First.set, (1))) {}
}

/// What beacon proxies ask.
contract Beacon is UpgradeableBeacon {
    constructor(address implementation) UpgradeableBeacon(implementation, msg.sender) {}
}

/// EIP-2535, as small as it can be: one facet a function.
contract Diamond {
    struct FacetCut {
        address facetAddress;
        uint8 action;
        bytes4[] functionSelectors;
    }

    struct Facet {
        address facetAddress;
        bytes4[] functionSelectors;
    }

    struct Storage {
        mapping(bytes4 => address) facetOf;
        bytes4[] selectors;
    }

    event DiamondCut(FacetCut[] _diamondCut, address _init, bytes _calldata);

    function diamondCut(FacetCut[] calldata cuts, address init, bytes calldata data) external {
        Storage storage all = stored();
        for (uint256 i = 0; i < cuts.length; i++) {
            for (uint256 j = 0; j < cuts[i].functionSelectors.length; j++) {
                bytes4 selector = cuts[i].functionSelectors[j];
                if (all.facetOf[selector] == address(0)) all.selectors.push(selector);
                all.facetOf[selector] = cuts[i].facetAddress;
            }
        }
        emit DiamondCut(cuts, init, data);
    }

    function facets() external view returns (Facet[] memory found) {
        Storage storage all = stored();
        found = new Facet[](all.selectors.length);
        for (uint256 i = 0; i < found.length; i++) {
            bytes4[] memory one = new bytes4[](1);
            one[0] = all.selectors[i];
            found[i] = Facet(all.facetOf[one[0]], one);
        }
    }

    function stored() private pure returns (Storage storage all) {
        bytes32 slot = 0xc8fcad8db84d3cc18b4c41d551ea0ee66dd599cde068d998e57d5e09332c131c;
        assembly {
            all.slot := slot
        }
    }

    fallback() external payable {
        address facet = stored().facetOf[msg.sig];
        require(facet != address(0), "Diamond: no such function");
        assembly {
            calldatacopy(0, 0, calldatasize())
            let result := delegatecall(gas(), facet, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch result
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }
}
