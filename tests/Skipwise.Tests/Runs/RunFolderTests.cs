using Skipwise.Checkpoints;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Storage;

namespace Skipwise.Tests.Runs;

/// <summary>The order in which a run's folder changes on the disk: a power failure leaves nothing that seems what it is not.</summary>
public sealed class RunFolderTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose()
    {
        FileSystem.Before.Value = null;
        _temp.Dispose();
    }

    /// <summary>config.json says that the model is complete: by then the disk has the names of all its other files.</summary>
    [Fact]
    public void The_names_of_a_finished_model_are_on_the_disk_before_config_json()
    {
        var run = new RunFolder(_temp["run"]);
        Directory.CreateDirectory(run.Path);
        var steps = new List<string>();
        FileSystem.Before.Value = (step, at) =>
        {
            if (step == "rename" && Path.GetDirectoryName(at) != run.Path) // from the temporary folder, or a file of its own there
            {
                steps.Add(Path.GetFileName(at));
            }
            else if (step == "sync" && at == run.Path)
            {
                steps.Add("sync");
            }
        };
        run.Finish(new TwoFiles());
        int config = steps.LastIndexOf("config.json"), weights = steps.LastIndexOf("model.safetensors");
        Assert.InRange(weights, 0, config - 1);
        Assert.Equal("sync", steps[config - 1]);
        Assert.Equal("sync", steps[^1]);
    }

    /// <summary>Whatever is wrong with a checkpoint's progress, the error says which file, and how the run goes on all the same.</summary>
    [Theory]
    [InlineData(null), InlineData(""), InlineData("{}"), InlineData("null"), InlineData("""{"Step": 7, "Step": 8, "ExamplesTaken": 56}""")]
    [InlineData("""{"Step": -1, "ExamplesTaken": 56}"""), InlineData("""{"Step": 7, "ExamplesTaken": 56, "Guard": null}""")]
    public void A_checkpoint_without_its_progress_comes_with_the_remedy(string? progress)
    {
        string checkpoint = Directory.CreateDirectory(_temp["step-000007"]).FullName;
        if (progress is not null)
        {
            _temp.Write("step-000007/progress.json", progress);
        }
        string message = Assert.Throws<SkipwiseException>(() => RunFolder.ReadProgress(checkpoint)).Message;
        Assert.StartsWith($"{Path.Combine(checkpoint, "progress.json")}: cannot be read: ", message, StringComparison.Ordinal);
        Assert.EndsWith($". Delete {checkpoint} to resume from the checkpoint before it", message, StringComparison.Ordinal);
    }

    private sealed class TwoFiles : ITrainable
    {
        public CausalLM Model => throw new NotSupportedException();
        public bool SavingLosesPrecision => false;

        public void WriteFiles(string folder)
        {
            AtomicFile.WriteText(Path.Combine(folder, "config.json"), "{}");
            AtomicFile.WriteText(Path.Combine(folder, "model.safetensors"), "weights");
        }

        public void ReadWeights(string folder) => throw new NotSupportedException();
    }
}
