using System.Text.Json.Nodes;
using Skipwise.Tests.Cli;

namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>A training by several ranks is that of one process, in numbers, files and what it says.</summary>
[Collection(nameof(MpiJobs))]
public sealed class TrainingJobTests(RankedTraining training)
{
    [Theory]
    [InlineData(MpiKind.OpenMpi, "none"), InlineData(MpiKind.Mpich, "parameters")]
    public void Two_ranks_train_and_speak_as_one_process(MpiKind mpi, string shard)
    {
        (string reference, CliRun alone) = training.Reference();
        string folder = training.Path($"two-{mpi}");
        using var job = MpiJob.Tool(mpi, 2, training.Arguments(folder, more: ["--shard", shard]));
        (string output, string error) = job.Succeeded();
        training.RequireSame(folder);

        string Named(string text) => text.Replace(folder, reference, StringComparison.Ordinal);
        Assert.Equal(alone.Output, Named(output));
        string[] told = Told(Named(error));
        Assert.Single(told, line => line.StartsWith("2 ranks on 1 host by ", StringComparison.Ordinal)
            && line.Contains(mpi == MpiKind.OpenMpi ? "Open MPI" : "MPICH", StringComparison.Ordinal)
            && line.EndsWith(", 1 thread each", StringComparison.Ordinal));
        Assert.All(Told(alone.Error), line => Assert.Single(told, line)); // the other rank says nothing
    }

    /// <summary>The pilots of --rope auto.</summary>
    [Fact]
    public void Pilots_of_two_ranks_choose_what_one_process_does()
    {
        string alone = training.Path("pilots-alone"), folder = training.Path("pilots");
        string[] Arguments(string folder) => training.Arguments(folder, 2, "--rope", "auto", "--rope-pilot-steps", "2");
        RankedTraining.Alone(Arguments(alone));
        using (var job = MpiJob.Tool(MpiKind.Mpich, 2, [.. Arguments(folder), "--shard", "optimizer"]))
        {
            job.Succeeded();
        }
        JsonNode expected = Pilots(alone), actual = Pilots(folder);
        RequireNear(expected, actual);
        foreach ((var one, var other) in RankedTraining.Metrics(alone).Zip(RankedTraining.Metrics(folder)))
        {
            RankedTraining.RequireNear(one.Loss, other.Loss, $"loss of step {one.Step}");
        }
        Assert.False(Directory.Exists(Path.Combine(folder, "ranks")));
    }

    private static JsonNode Pilots(string folder) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "rope-pilots.json")))!;

    private static void RequireNear(JsonNode? expected, JsonNode? actual)
    {
        if (expected is JsonObject members)
        {
            Assert.Equal(members.Select(member => member.Key), actual!.AsObject().Select(member => member.Key));
            Assert.All(members, member => RequireNear(member.Value, actual[member.Key]));
        }
        else if (expected is JsonArray items)
        {
            Assert.Equal(items.Count, actual!.AsArray().Count);
            Assert.All(items.Zip(actual.AsArray()), pair => RequireNear(pair.First, pair.Second));
        }
        else if (expected?.GetValueKind() == System.Text.Json.JsonValueKind.Number)
        {
            RankedTraining.RequireNear((double)expected, (double)actual!, expected.GetPath());
        }
        else
        {
            Assert.Equal(expected?.ToJsonString(), actual?.ToJsonString());
        }
    }

    /// <summary>All lines but those of progress, which depend on time.</summary>
    private static string[] Told(string error) =>
        [.. error.Split('\n').Where(line => line.Length > 0 && !line.StartsWith("  step ", StringComparison.Ordinal))];
}
