using Skipwise.Tests.Cli;

namespace Skipwise.Tests.Recipes;

public sealed class PretrainTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    /// <summary>A finished run removes the first stage that a killed process has left, and nobody else's.</summary>
    [Fact]
    public async Task A_first_stage_of_other_options_stays()
    {
        string made = _temp["made"], other = _temp["other"], lists = made + "-lists";
        (await CliRun.Of(Words(made, "1"))).Succeeded();
        Assert.Equal([made], Directory.GetFileSystemEntries(_temp.Path)); // its own first stage is gone, tokenizer and all
        (await CliRun.Of(Words(other, "2"))).Succeeded();
        Directory.Move(other, lists); // as a run of another seed whose folder is called so
        string[] before = Files(lists);
        (await CliRun.Of([.. Words(made, "1"), "--resume"])).Succeeded();
        Assert.Equal(before, Files(lists));
    }

    private static string[] Files(string folder) => [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal)];

    private static string[] Words(string folder, string seed) =>
    [
        "pretrain", "--out", folder, "--seed", seed, "--steps", "1", "--list-steps", "1", "--documents", "40", "--vocab-size", "300",
        "--hidden-size", "24", "--layers", "1", "--batch-size", "2",
    ];
}
