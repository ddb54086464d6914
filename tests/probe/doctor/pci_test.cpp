// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/probe/doctor/fake_machine.hpp"

namespace strait::probe::doctor {
namespace {

const std::string address = "0000:03:00.0";
const std::string device = "sys/bus/pci/devices/" + address;

Findings look(const FakeMachine& fake) {
  return check_pci(fake.machine(), dpdk_on(pci_device(address)));
}

}  // namespace

TEST_CASE("a PCI device that is not there is a missing device") {
  FakeMachine fake;
  make_bare(fake);
  const Finding gone = the(look(fake), "pci-device", address);
  CHECK(gone.status == Status::problem);
  CHECK(gone.access);
}

TEST_CASE("a device that the kernel drives must be bound to vfio-pci, and its interface is named") {
  FakeMachine fake;
  make_bare(fake);
  fake.pci(address, "ixgbe").directory(device + "/net/enp3s0");
  SECTION("vfio-pci is loaded") {
    fake.directory("sys/bus/pci/drivers/vfio-pci");
    const Finding bound = the(look(fake), "pci-driver");
    CHECK(bound.status == Status::problem);
    CHECK(bound.seen == "bound to ixgbe, which makes it enp3s0");
    CHECK_THAT(bound.meaning, Catch::Contains("takes enp3s0 away from the kernel"));
    CHECK(bound.remedy == "dpdk-devbind.py -b vfio-pci " + address);
  }
  SECTION("vfio-pci is a module") {
    fake.file("lib/modules/6.1.0-18-amd64/modules.dep",
              "kernel/drivers/vfio/pci/vfio-pci.ko: kernel/drivers/vfio/vfio.ko\n");
    CHECK(the(look(fake), "pci-driver").remedy ==
          "modprobe vfio-pci && dpdk-devbind.py -b vfio-pci " + address);
  }
  SECTION("there is no vfio-pci, so no command would help") {
    const Finding bound = the(look(fake), "pci-driver");
    CHECK(bound.status == Status::problem);
    CHECK(bound.remedy.empty());
  }
}

TEST_CASE("the interface of a virtio card is found below its virtio device") {
  FakeMachine fake;
  make_bare(fake);
  fake.pci(address, "virtio-pci").directory(device + "/virtio2/net/eth0");
  CHECK(the(look(fake), "pci-driver").seen == "bound to virtio-pci, which makes it eth0");
}

TEST_CASE("mlx5 shares the card with the kernel, if ib_uverbs is there") {
  FakeMachine fake;
  make_bare(fake);
  fake.pci(address, "mlx5_core");
  CHECK(the(look(fake), "pci-driver").remedy == "modprobe ib_uverbs");
  fake.directory("sys/class/infiniband_verbs");
  CHECK(the(look(fake), "pci-driver").status == Status::good);
}

TEST_CASE("vfio-pci wants an IOMMU group and its file, or to be told to do without") {
  FakeMachine fake;
  make_bare(fake);
  fake.pci(address, "vfio-pci");
  SECTION("a group and its file") {
    fake.link(device + "/iommu_group", "../../kernel/iommu_groups/12").file("dev/vfio/12", "");
    CHECK(the(look(fake), "iommu").status == Status::good);
  }
  SECTION("a group without its file, as in a container") {
    fake.link(device + "/iommu_group", "../../kernel/iommu_groups/12");
    CHECK(the(look(fake), "iommu").status == Status::problem);
  }
  SECTION("no group") {
    const Finding none = the(look(fake), "iommu");
    CHECK(none.status == Status::problem);
    CHECK(none.remedy == "echo Y > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
  }
  SECTION("no group, and told so") {
    fake.file("sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
    CHECK(the(look(fake), "iommu").status == Status::note);
  }
}

TEST_CASE("the node of an interface is that of the card under it, also through virtio") {
  FakeMachine fake;
  make_bare(fake);
  fake.file("sys/devices/pci/0000:00:03.0/numa_node", "1\n")
      .directory("sys/devices/pci/0000:00:03.0/virtio2")
      .link("sys/class/net/eth0/device", "../../../devices/pci/0000:00:03.0/virtio2");
  CHECK(node_of(fake.machine(), af_packet("eth0")) == 1);
  fake.file("sys/devices/pci/0000:00:03.0/numa_node", "-1\n");
  CHECK_FALSE(node_of(fake.machine(), af_packet("eth0")).has_value());
}

}  // namespace strait::probe::doctor
