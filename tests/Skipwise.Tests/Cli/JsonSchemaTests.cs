using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Verbs;
using Skipwise.Evaluation.Results;

namespace Skipwise.Tests.Cli;

/// <summary>The published schemas of --json: they say what the program writes, and what it writes is as they say.</summary>
public sealed class JsonSchemaTests(SmallModel model) : IClassFixture<SmallModel>
{
    /// <summary>1: the test writes the schemas anew, for a person to look at the difference.</summary>
    private const string WriteVariable = "SKIPWISE_WRITE_SCHEMAS";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };

    public static TheoryData<string> Names => [.. Types.Select(type => type.Name)];

    private static IEnumerable<(string Name, string Title, Type Type)> Types =>
    [
        .. VerbList.All.Where(verb => verb.ResultType is not null)
            .Select(verb => (FileName(verb.Path), $"skipwise {verb.Path} --json", verb.ResultType!)),
        ("eval-tasks-list", "skipwise eval tasks --list --json", TaskList.Tasks.GetType()),
    ];

    [Fact]
    public void Every_verb_with_results_writes_JSON() =>
        Assert.Equal(["serve", "completion"], VerbList.All.Where(verb => verb.ResultType is null).Select(verb => verb.Path));

    [Theory]
    [MemberData(nameof(Names))]
    public void The_published_schema_is_that_of_the_program(string name)
    {
        (_, string title, Type type) = Types.Single(known => known.Name == name);
        JsonObject schema = EvaluationJson.Schema(type);
        var published = new JsonObject { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", ["title"] = title };
        foreach ((string key, JsonNode? value) in schema)
        {
            published[key] = value?.DeepClone();
        }
        string text = published.ToJsonString(s_indented) + "\n";
        if (Environment.GetEnvironmentVariable(WriteVariable) == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(PublishedSchema.FileOf(name))!);
            File.WriteAllText(PublishedSchema.FileOf(name), text);
        }
        Assert.Equal(File.ReadAllText(PublishedSchema.FileOf(name)), text);
    }

    [Fact]
    public void No_schema_is_left_of_a_verb_that_is_gone() =>
        Assert.Equal(Types.Select(type => $"{type.Name}.json").Order(StringComparer.Ordinal),
            Directory.GetFiles(Path.GetDirectoryName(PublishedSchema.FileOf("x"))!).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("inspect -m {model}"), InlineData("inspect model -m {model} --rope yarn --rope-factor 2")]
    [InlineData("inspect tensors -m {model}"), InlineData("inspect rope -m {model} --rope ntk --rope-factor 2")]
    [InlineData("inspect plan --train-length 64 -t 256"), InlineData("doctor")]
    [InlineData("coverage --train-length 8 -t 32 --samples 10")]
    [InlineData("generate -m {model} -p one --max-new-tokens 3")]
    [InlineData("eval perplexity -m {model} -d {text} -l 32,64 --position-bins 2")]
    [InlineData("eval passkey -m {model} -l 96 --trials 2"), InlineData("eval needle -m {model} -l 200 --depths 2 --trials 1")]
    [InlineData("eval ruler -m {model} -l 800 --tasks vt --samples 1")]
    [InlineData("estimate -m {model} -t 128 --batch-size 1 --fit"), InlineData("estimate serve -m {model} --context-length 512")]
    [InlineData("prepare -m {model} -d {text} -o {out}.tokens"), InlineData("export -m {model} -o {out}.gguf")]
    [InlineData("train -m {model} -d {text} -t 128 --steps 1 --batch-size 1 -o {out}")]
    [InlineData("pretrain -o {out} --window 64 --vocab-size 300 --hidden-size 16 --intermediate-size 24 --layers 1 --heads 2 " +
        "--list-steps 1 --steps 1 --documents 4 --batch-size 1")]
    public async Task Standard_output_is_one_document_of_the_published_schema(string line)
    {
        string[] words = [.. line.Split(' ').Select(Filled)];
        CliRun run = (await CliRun.Of([.. words, "--json"])).Succeeded();
        PublishedSchema.Validate(FileName(PathOf(words)), run.Output);
    }

    [Fact]
    public async Task So_are_a_merge_and_benchmark_tasks()
    {
        string adapter = model.Path("schema-adapter"), data = Directory.CreateDirectory(model.Path("schema-tasks")).FullName;
        (await CliRun.Of("train", "-m", model.Folder, "-d", model.Text, "-t", "128", "--steps", "1", "--batch-size", "1",
            "--lora-rank", "2", "-o", adapter)).Succeeded();
        CliRun merge = (await CliRun.Of("merge", "-m", model.Folder, "-a", adapter, "-o", model.Path("schema-merged"), "--json"))
            .Succeeded();
        PublishedSchema.Validate("merge", merge.Output);
        await File.WriteAllTextAsync(Path.Combine(data, "piqa_validation.jsonl"),
            """{"goal": "Cross the river.", "sol1": "Take the boat", "sol2": "Walk over it", "label": 0}""");
        CliRun tasks = (await CliRun.Of("eval", "tasks", "-m", model.Folder, "--tasks", "piqa", "-d", data, "--json")).Succeeded();
        PublishedSchema.Validate("eval-tasks", tasks.Output);
    }

    [Fact]
    public async Task So_is_the_list_of_tasks()
    {
        PublishedSchema.Validate("eval-tasks-list", (await CliRun.Of("eval", "tasks", "--list", "--json")).Succeeded().Output);
        string file = model.Path("tasks.json");
        CliRun run = (await CliRun.Of("eval", "tasks", "--list", "--json", file)).Succeeded();
        PublishedSchema.Validate("eval-tasks-list", await File.ReadAllTextAsync(file));
        Assert.All((string[])["boolq", "piqa", "arc_challenge", "lambada"], name => Assert.Contains(name, run.Output));
    }

    [Fact]
    public async Task So_are_a_comparison_its_report_and_a_check_that_failed()
    {
        string folder = model.Path("schema-all");
        CliRun all = await CliRun.Of("eval", "all", "-m", model.Folder, "-o", folder, "-l", "96", "--trials", "1", "--depths", "2",
            "--needle-trials", "0", "--min-passkey", "1", "--json");
        Assert.True(all.Code == 3, all.Error); // a model without training finds no key
        PublishedSchema.Validate("eval-all", all.Output);
        Assert.Contains("gate --min-passkey 1", all.Error, StringComparison.Ordinal);
        CliRun report = await CliRun.Of("report", "--from", folder, "-o", model.Path("schema.html"), "--json");
        Assert.Equal(all.Code, report.Code);
        Assert.Equal(all.Output, report.Output);
        string fixture = Fixture.Path("llama-yarn16");
        CliRun verify = await CliRun.Of("verify", "-m", fixture, "--reference", Path.Combine(fixture, "reference.safetensors"), "--json");
        Assert.Equal(3, verify.Code);
        PublishedSchema.Validate("verify", verify.Output);
    }

    [Fact]
    public async Task A_file_has_the_same_document_beside_the_text()
    {
        string file = model.Path("plan.json");
        string[] line = ["inspect", "plan", "--train-length", "64", "-t", "256"];
        CliRun text = (await CliRun.Of([.. line, "--json", file])).Succeeded(), json = (await CliRun.Of([.. line, "-j"])).Succeeded();
        Assert.Equal((await CliRun.Of(line)).Output, text.Output);
        Assert.Equal(json.Output, (await File.ReadAllTextAsync(file)).ReplaceLineEndings());
    }

    private string Filled(string word) => word.Replace("{model}", model.Folder, StringComparison.Ordinal)
        .Replace("{text}", model.Text, StringComparison.Ordinal)
        .Replace("{out}", model.Path($"out-{Guid.NewGuid():n}"), StringComparison.Ordinal);

    private static string PathOf(string[] words) =>
        VerbList.All.Select(verb => verb.Path).Where(path => $"{string.Join(' ', words)} ".StartsWith($"{path} ", StringComparison.Ordinal))
            .MaxBy(path => path.Length)!;

    private static string FileName(string path) => path.Replace(' ', '-');
}
