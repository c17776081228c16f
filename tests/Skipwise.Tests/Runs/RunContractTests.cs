using Skipwise.Models;
using Skipwise.Runs;

namespace Skipwise.Tests.Runs;

/// <summary>What of a run is compared when it is resumed, and what another release makes of it.</summary>
public sealed class RunContractTests : IDisposable
{
    private static readonly NamedValue s_seed = new("seed", "7"), s_chunks = new("chunks", "2");

    private readonly TempFolder _temp = new();

    private string Path => _temp["contract.json"];

    public void Dispose() => _temp.Dispose();

    /// <summary>The file is read by later releases: its form and its names stay.</summary>
    [Fact]
    public void It_is_written_in_the_order_of_the_names() =>
        Assert.Equal("""
            {
              "version": 1,
              "values": {
                "chunks": "2",
                "seed": "7"
              }
            }

            """, RunContract.Complete([s_seed, s_chunks]).ToJson());

    [Fact]
    public void Each_difference_is_named_with_both_values()
    {
        Write(s_seed, s_chunks);
        RunContract.Complete([s_chunks, s_seed]).RequireThatOf(Path);
        string message = Refusal(s_seed with { Value = "8" }, s_chunks with { Value = "4" });
        Assert.StartsWith($"{Path}: this run was started with other options", message);
        Assert.Contains("chunks is 2 in the run and 4 here; seed is 7 in the run and 8 here. Repeat its options", message);
        Assert.False(RunContract.Complete([s_seed]).IsThatOf(Path));
        Assert.True(RunContract.Complete([s_seed, s_chunks]).IsThatOf(Path));
        Assert.False(RunContract.Complete([s_seed]).IsThatOf(_temp["none.json"]));
    }

    /// <summary>A release learns of one more option: the runs of earlier ones did what it does without being told.</summary>
    [Fact]
    public void A_run_from_before_an_option_continues_with_the_options_meaning_then_and_no_other()
    {
        Write(s_seed);
        NamedValue later = new("later", "off", Missing: "off");
        RunContract.Complete([s_seed, later]).RequireThatOf(Path);
        Assert.Contains("later is off in the run and on here", Refusal(s_seed, later with { Value = "on" }));
        Assert.Contains("later is missing in the run and off here", Refusal(s_seed, later with { Missing = null }));
    }

    /// <summary>And the other way: an earlier release continues what does not need the option, and refuses the rest by name.</summary>
    [Fact]
    public void A_run_of_a_later_release_continues_where_it_does_what_this_one_does()
    {
        NamedValue later = new("later", "off", Missing: "off");
        Write(s_seed, later);
        RunContract.Complete([s_seed]).RequireThatOf(Path);
        Write(s_seed, later with { Value = "on" });
        Assert.Contains("later is on in the run and does not exist here", Refusal(s_seed));
        File.WriteAllText(Path, """{"version": 1, "values": {"z": "1", "seed": "7", "a": "2", "m": "3"}}""");
        Assert.Contains("a is 2 in the run and does not exist here; m is 3 in the run and does not exist here; z is 1", Refusal(s_seed));
    }

    [Fact]
    public void What_is_not_known_yet_or_any_more_is_not_compared()
    {
        Write(s_seed, s_chunks);
        RunContract.Partial([s_seed]).RequireThatOf(Path);
        RunContract.Complete([s_seed, s_chunks with { Value = null }]).RequireThatOf(Path);
        RunContract other = RunContract.Partial([s_seed with { Value = "8" }]);
        Assert.Contains("seed", Assert.Throws<SkipwiseException>(() => other.RequireThatOf(Path)).Message);
    }

    [Theory]
    [InlineData("""{"version": 2, "values": {"seed": "7"}}""", "version 2: a newer Skipwise")]
    [InlineData("""{"version": 1}""", "cannot be read")]
    [InlineData("""{"version": 1, "values": {"seed": null}}""", "cannot be read")]
    [InlineData("""{"version": 1, "values": {"seed": "7", "chunks": null}}""", "cannot be read")]
    [InlineData("""{"version": 1, "values": {"seed": 7}}""", "cannot be read")]
    [InlineData("{", "cannot be read")]
    public void A_file_that_tells_nothing_is_an_error(string text, string expected)
    {
        File.WriteAllText(Path, text);
        string message = Refusal(s_seed);
        Assert.StartsWith(Path, message);
        Assert.Contains(expected, message);
        Assert.Contains("in another folder", message);
    }

    [Fact]
    public void A_run_without_one_is_an_earlier_versions() => Assert.Contains("an earlier version of Skipwise", Refusal(s_seed));

    private void Write(params NamedValue[] values) => File.WriteAllText(Path, RunContract.Complete(values).ToJson());

    private string Refusal(params NamedValue[] values) =>
        Assert.Throws<SkipwiseException>(() => RunContract.Complete(values).RequireThatOf(Path)).Message;
}
