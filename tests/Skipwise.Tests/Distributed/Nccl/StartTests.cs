using Skipwise.Distributed;
using Skipwise.Distributed.Nccl;

namespace Skipwise.Tests.Distributed.Nccl;

/// <summary>Which GPU is whose, and what torchrun says.</summary>
public class StartTests
{
    [Fact]
    public void The_device_of_a_rank_is_its_local_rank_where_all_see_the_same()
    {
        VisibleGpus[] all = [new("a", ["x", "y"]), new("b", ["v", "w"]), new("a", ["x", "y"]), new("b", ["v", "w"])];
        Assert.Equal([0, 0, 1, 1], Enumerable.Range(0, 4).Select(rank => VisibleGpus.OfRank(rank, all)));
    }

    [Fact]
    public void The_device_of_a_rank_is_the_first_where_each_sees_its_own()
    {
        VisibleGpus[] all = [new("a", ["x"]), new("a", ["y"]), new("a", ["z", "x"]), new("a", ["y", "w"])];
        Assert.Equal([0, 0, 0, 1], Enumerable.Range(0, 4).Select(rank => VisibleGpus.OfRank(rank, all)));
    }

    [Fact]
    public void More_ranks_than_GPUs_are_one_error_of_all_ranks()
    {
        VisibleGpus[] all = [new("a", ["u", "v"]), new("b", ["x", "y"]), new("b", ["x", "y"]), new("b", ["x", "y"])];
        Assert.All(Enumerable.Range(0, 4), rank => Assert.StartsWith(
            "3 ranks on b see 2 GPUs, and NCCL needs one for each. Start at most 2 ranks there, make more GPUs visible "
            + "(CUDA_VISIBLE_DEVICES), or compute on the CPU",
            Assert.Throws<SkipwiseException>(() => VisibleGpus.OfRank(rank, all)).Message, StringComparison.Ordinal));
        Assert.StartsWith("1 ranks on a see 0 GPUs",
            Assert.Throws<SkipwiseException>(() => VisibleGpus.OfRank(0, [new("a", [])])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("8", "node0", "29500", null, "node0:29501")] // one port further than torchrun's own
    [InlineData("8", "fe80::1", "65535", null, "[fe80::1]:65534")]
    [InlineData("4", "node0", "29500", null, "127.0.0.1:29501")] // one host
    [InlineData("4", "node0", "29500", "10.0.0.1:7", "10.0.0.1:7")]
    public void Ranks_of_torchrun_find_each_other_by_an_address(string size, string host, string port, string? given, string expected)
    {
        var environment = new Dictionary<string, string?>
        {
            ["RANK"] = "3",
            ["WORLD_SIZE"] = size,
            ["LOCAL_RANK"] = "3",
            ["LOCAL_WORLD_SIZE"] = "4",
            ["MASTER_ADDR"] = host,
            ["MASTER_PORT"] = port,
            ["NCCL_COMM_ID"] = given,
        };
        var torchrun = Torchrun.Read(environment.GetValueOrDefault);
        Assert.Equal((new RankPlace(3, int.Parse(size), 3, 4), expected), (torchrun.Place, torchrun.Address));
    }

    [Fact]
    public void What_torchrun_did_not_set_is_named()
    {
        var environment = new Dictionary<string, string?> { ["RANK"] = "0", ["WORLD_SIZE"] = "4", ["LOCAL_RANK"] = "0" };
        string Message() => Assert.Throws<SkipwiseException>(() => Torchrun.Read(environment.GetValueOrDefault)).Message;
        Assert.Contains("no LOCAL_WORLD_SIZE", Message(), StringComparison.Ordinal);
        environment["LOCAL_SIZE"] = "2"; // DeepSpeed's name
        Assert.Contains("no MASTER_ADDR", Message(), StringComparison.Ordinal);
        environment["MASTER_ADDR"] = "node0";
        environment["MASTER_PORT"] = "first";
        Assert.Contains("MASTER_PORT=first", Message(), StringComparison.Ordinal);
    }

    [Fact]
    public void Torchrun_on_the_CPU_is_told_of_mpirun_and_srun()
    {
        string message = NcclCollective.NeedsGpu(new Launcher(LauncherKind.Torchrun, 0, 4, 0)).Message;
        Assert.StartsWith("torchrun started 4 processes that compute on the CPU.", message, StringComparison.Ordinal);
        Assert.Contains("mpirun or srun", message, StringComparison.Ordinal);
    }
}
