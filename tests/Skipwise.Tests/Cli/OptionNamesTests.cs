using System.CommandLine;
using Skipwise.Cli.Flags;

namespace Skipwise.Tests.Cli;

/// <summary>One name for one thing, and what is no name is told.</summary>
public sealed class OptionNamesTests(SmallModel model) : IClassFixture<SmallModel>
{
    [Theory]
    [InlineData("train --model m --data d --lerning-rate 1e-4 --target-length 64 --out o", "'--lerning-rate'", "'--learning-rate'")]
    [InlineData("eval perplexity --model m --windows 4096 --data d --dta x", "'--dta'", "'--data'")]
    [InlineData("eval perplexity --model m --data d --window 64", "'--window'", "'--windows'")]
    [InlineData("eval needle --model m --haystack a -lengths 64", "'-lengths'", "'--lengths'")]
    [InlineData("eval all --model m --confg a.yaml", "'--confg'", "'--config'")]
    [InlineData("eval passkey --model --adaptr --trials 3", "'--adaptr'", "'--adapter'")]
    [InlineData("prepare --model m --data d --texx=field --out x.tokens", "'--texx=field'", "--data=--texx=field")]
    public async Task A_mistyped_option_after_a_list_is_no_value(string line, string word, string remedy) =>
        (await CliRun.Of(line.Split(' '))).Complained($"{word} is not understood here.", remedy);

    [Theory]
    [InlineData("train --model nowhere --data=--books --target-length 64 --out o", "--books: no such file")]
    [InlineData("eval needle --model nowhere --needle=-x --question=-y --answer=-z", "nowhere")]
    [InlineData("train --model nowhere --data d --target-length 64 --out o --adam-eps -1", "--adam-eps")]
    public async Task A_value_that_begins_with_a_hyphen_can_be_given(string line, string complaint) =>
        (await CliRun.Of(line.Split(' '))).Complained(complaint);

    [Fact]
    public async Task A_word_that_begins_with_at_is_a_word()
    {
        CliRun run = (await CliRun.Of("generate", "-m", model.Folder, "-p", "@hello", "--max-new-tokens", "2", "--json")).Succeeded();
        Assert.Contains("\"prompt\": \"@hello\"", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_name_of_an_option_in_a_user_s_text_stays_as_it_is()
    {
        string[] words = ["generate", "-m", model.Folder, "-p", "GenerationOptions.TopK", "--max-new-tokens", "1", "--json"];
        CliRun run = (await CliRun.Of(words)).Succeeded();
        Assert.Contains("\"prompt\": \"GenerationOptions.TopK\"", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_letter_means_one_option_everywhere()
    {
        var letters = VerbList.All.SelectMany(verb => verb.Options)
            .SelectMany(option => option.Aliases.Where(alias => alias.Length == 2).Select(alias => (alias, option.Name)))
            .Distinct().ToList();
        Assert.Equal(letters.Select(letter => letter.alias).Distinct().Count(), letters.Count);
        Assert.Subset(letters.Select(letter => letter.alias).ToHashSet(), new HashSet<string> { "-m", "-d", "-o", "-q", "-c" });
    }

    [Fact]
    public void Seeds_have_one_default() =>
        Assert.Equal(["[default: 1]"], VerbList.All.SelectMany(verb => verb.Options).Where(option => option.Name == "--seed")
            .Select(option => option.Description![option.Description!.IndexOf('[', StringComparison.Ordinal)..]).Distinct());

    [Fact]
    public void Every_verb_about_models_or_data_takes_a_configuration_file() =>
        Assert.Equal(["completion", "doctor"],
            VerbList.All.Where(verb => verb.ConfigOption is null).Select(verb => verb.Path).Order(StringComparer.Ordinal));

    /// <summary>The others read no weights, or name the adapter in the model's word (eval all, serve).</summary>
    [Fact]
    public void Every_verb_that_loads_a_model_takes_an_adapter() =>
        Assert.Equal(["estimate", "estimate serve", "eval all", "inspect tensors", "prepare", "serve"],
            VerbList.All.Where(verb => Has(verb, "--model") && !Has(verb, "--adapter")).Select(verb => verb.Path)
                .Order(StringComparer.Ordinal));

    [Fact]
    public void Limit_is_a_number_of_questions()
    {
        Verb[] verbs = [.. VerbList.All.Where(verb => Has(verb, "--limit"))];
        Assert.Equal(["eval all", "eval tasks"], verbs.Select(verb => verb.Path).Order(StringComparer.Ordinal));
        Assert.All(verbs, verb => Assert.Contains("number of questions per task",
            verb.Options.Single(option => option.Name == "--limit").Description, StringComparison.Ordinal));
    }

    [Fact]
    public void Lengths_has_one_name_and_longrope_one_spelling()
    {
        Assert.All(VerbList.All.Where(verb => verb.Path.StartsWith("eval ", StringComparison.Ordinal) && verb.Path != "eval tasks"),
            verb => Assert.True(Has(verb, "--lengths")));
        Assert.All(VerbList.All.SelectMany(verb => verb.Options).Where(option => option.Name == "--rope"),
            option => Assert.DoesNotContain("long-rope", option.Description + option.HelpName));
    }

    [Fact]
    public async Task Earlier_names_are_understood_on_the_line_and_in_files()
    {
        string config = model.Path("old.yaml"), both = model.Path("both.yaml");
        await File.WriteAllTextAsync(config, $"windows: 32\nmodel: {model.Folder}\n");
        await File.WriteAllTextAsync(both, "windows: 32\nlengths: 64\n");
        string[] line = ["eval", "perplexity", "--data", model.Text, "--max-total-tokens", "400", "--config", config];
        CliRun inFile = (await CliRun.Of(line)).Succeeded();
        CliRun onLine = (await CliRun.Of([.. line, "--windows", "32"])).Succeeded();
        CliRun now = (await CliRun.Of([.. line, "-l", "32"])).Succeeded();
        Assert.Equal(now.Output, inFile.Output);
        Assert.Equal(now.Output, onLine.Output);
        (await CliRun.Of("eval", "perplexity", "-m", "m", "-d", "d", "-c", both)).Complained("'lengths' is in line 1 already");
    }

    [Theory]
    [InlineData("inspect model --model {model}")]
    [InlineData("generate --model {model} --prompt a --max-new-tokens 2")]
    [InlineData("eval needle --model {model} --lengths 200 --depths 2 --trials 1")]
    public async Task A_file_says_what_the_line_says(string line)
    {
        string[] words = line.Replace("{model}", model.Folder, StringComparison.Ordinal).Split(' ');
        int first = Array.FindIndex(words, word => word.StartsWith("--", StringComparison.Ordinal));
        string config = model.Path($"{words[0]}-{first}.yaml");
        await File.WriteAllLinesAsync(config, words[first..].Chunk(2).Select(pair => $"{pair[0][2..]}: {pair[1]}"));
        CliRun said = (await CliRun.Of(words)).Succeeded(), read = (await CliRun.Of([.. words[..first], "--config", config])).Succeeded();
        Assert.Equal(said.Output, read.Output);
    }

    [Fact]
    public async Task Quiet_leaves_results_and_warnings()
    {
        string[] line = ["eval", "passkey", "-m", model.Folder, "-l", "96", "--trials", "1"];
        CliRun loud = (await CliRun.Of(line)).Succeeded(), quiet = (await CliRun.Of([.. line, "-q"])).Succeeded();
        Assert.Equal(loud.Output, quiet.Output);
        Assert.NotEqual("", loud.Error);
        Assert.Equal("", quiet.Error);
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["data"]);
        File.Copy(model.Text, folder["data/text.jsonl"]);
        folder.Write("data/picture.png", "x");
        CliRun warned = (await CliRun.Of("prepare", "-q", "-m", model.Folder, "-d", folder["data"], "-o", folder["x.tokens"])).Succeeded();
        Assert.Contains("warning: ", warned.Error, StringComparison.Ordinal);
        Assert.All(warned.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith("warning: ", line));
    }

    private static bool Has(Verb verb, string option) => verb.Options.Any(known => known.Name == option);
}
