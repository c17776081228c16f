using Skipwise.Storage;
using Skipwise.Tests.Cli;

namespace Skipwise.Tests.Runs;

/// <summary>
/// A folder of somebody else has the name that a run saves under, hours after its start: the run goes on, and what was there is renamed
/// with a warning, never written into and never lost.
/// </summary>
public sealed class ForeignFolderTests(SmallModel model) : IClassFixture<SmallModel>
{
    [Theory]
    [InlineData("checkpoints/step-000002"), InlineData("best")]
    public async Task A_foreign_folder_is_renamed_and_the_run_saves_in_its_place(string name)
    {
        string run = model.Path("foreign-" + Path.GetFileName(name)), folder = Path.Combine(run, name);
        (await Train(run, "--steps", "1")).Succeeded(); // the folder is a run's
        File.Delete(Path.Combine(run, "config.json")); // unfinished, so that another may begin there
        Foreign(folder, "mine");
        Foreign(folder + ".kept", "older"); // so that this name is taken
        string error = (await Train(run, "--steps", "3", "--save-every", "2", "--eval-every", "2", "--eval-data", model.Text,
            "--eval-windows", "64", "--eval-documents", "1")).Succeeded().Error;
        Assert.Contains($"warning: {folder}: exists, and Skipwise did not write it", error);
        Assert.Contains($"it was renamed to {folder}.kept-2", error);
        Assert.Equal("mine", File.ReadAllText(Path.Combine(folder + ".kept-2", "config.json")));
        Assert.Equal("older", File.ReadAllText(Path.Combine(folder + ".kept", "config.json")));
        Assert.Null(FolderManifest.Find(folder)!.Damage(folder));
        Assert.NotEqual("mine", File.ReadAllText(Path.Combine(folder, "config.json")));
    }

    private Task<CliRun> Train(string run, params string[] more) => CliRun.Of([
        "train", "--model", model.Folder, "--data", model.Text, "--target-length", "256", "--out", run, "--batch-size", "2",
        "--threads", "1", .. more]);

    private static void Foreign(string folder, string text)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), text);
    }
}
