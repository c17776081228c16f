using Skipwise.Data;
using Skipwise.Recipes;
using Skipwise.Runs;
using Skipwise.Tests.Cli;
using Skipwise.Training;

namespace Skipwise.Tests.Recipes;

public sealed class FineTuneTests(SmallModel model) : IClassFixture<SmallModel>
{
    /// <summary>
    /// Loading a model takes its time, and meanwhile the folder is anybody's. A run that another process finished there is found before
    /// anything is written beside it.
    /// </summary>
    [Fact]
    public void A_run_that_was_finished_while_the_model_was_loaded_is_left_as_it_is()
    {
        string folder = model.Path("meanwhile");
        var note = new SynchronousProgress<string>(line =>
        {
            if (line.StartsWith("rope:", StringComparison.Ordinal)) // told once the model is loaded
            {
                Directory.CreateDirectory(folder);
                File.WriteAllText(Path.Combine(folder, "run.json"), "{}");
                File.WriteAllText(Path.Combine(folder, "config.json"), "{}");
            }
        });
        var options = new FineTuneOptions
        {
            Model = model.Folder,
            Data = new DataOptions { Paths = [model.Text] },
            Out = folder,
            TargetLength = 256,
            Training = new TrainOptions { Steps = 1, BatchSize = 2 },
        };
        string error = Assert.Throws<SkipwiseException>(() => FineTune.Run(options, new SaveOptions(), note)).Message;
        Assert.StartsWith($"{folder}: holds a finished run", error);
        Assert.Equal(["config.json", "run.json"], Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).Order());
    }
}
