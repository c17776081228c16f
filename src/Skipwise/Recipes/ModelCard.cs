using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Evaluation.Results;
using Skipwise.Hub;
using Skipwise.Models;
using Skipwise.Reports;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Storage;

namespace Skipwise.Recipes;

/// <summary>The README.md of an exported folder: how the model was made, what was measured, which programs run it and how.</summary>
internal sealed class ModelCard
{
    public const string FileName = "README.md";

    // of run.json: its path, and what the card calls it
    private static readonly (string Path, string Name)[] s_options =
    [
        ("target_length", "target length, tokens"), ("train_length", "window of a training example, tokens"),
        ("positions.mode", "positions"),
        ("positions.chunks", "chunks"), ("positions.content", "content of chunks"), ("training.steps", "optimizer steps"),
        ("training.batch_size", "batch size, windows"), ("training.gradient_accumulation_steps", "gradient accumulation"),
        ("training.learning_rate", "learning rate"), ("training.optimizer", "optimizer"), ("lora.rank", "LoRA rank (0: all weights)"),
        ("seed", "seed"),
    ];

    private readonly string _name;
    private readonly JsonObject? _run;
    private readonly IReadOnlyList<MeasuredValue> _measured;
    private readonly IReadOnlyList<ExportVerdict> _verdicts;
    private readonly int _original;

    private ModelCard(string name, JsonObject? run, IReadOnlyList<MeasuredValue> measured, IReadOnlyList<ExportVerdict> verdicts,
        int original) => (_name, _run, _measured, _verdicts, _original) = (name, run, measured, verdicts, original);

    /// <summary>Reads what the card tells: the run's options, and measured values.</summary>
    /// <param name="options">of the export</param>
    /// <param name="model">with its effective rope</param>
    /// <param name="verdicts">the programs</param>
    /// <exception cref="SkipwiseException">the run's record or the results cannot be read, or the results are of other models</exception>
    public static ModelCard Read(ExportModelOptions options, DecoderConfig model, IReadOnlyList<ExportVerdict> verdicts)
    {
        string trained = ModelFolder.Resolve(options.Adapter ?? options.Model);
        string? run = RunOf(trained);
        // what was measured with another rope, or at another step, is not of this model
        bool isAsTrained = options.Rope == new RopeOverrides() && Last(trained) != RunFolder.BestName;
        var source = new ModelSource(options.Model, options.Rope, Adapter: options.Adapter);
        IReadOnlyList<MeasuredValue> measured = options.Results is { } results ? OfResults(results, EvaluateAll.NamesOf(source))
            : run is null || !isAsTrained ? [] : DuringTraining(Path.GetDirectoryName(run)!);
        return new(Last(options.Out), run is null ? null : JsonSection.ReadFile(run).Json, measured, verdicts,
            ContextExtension.OriginalLength(model));
    }

    /// <summary>The card.</summary>
    /// <param name="model">as it is written</param>
    public string Text(DecoderConfig model)
    {
        var text = new StringBuilder("---\nlibrary_name: transformers\npipeline_tag: text-generation\n");
        if (HubBase is { } known)
        {
            text.Append(CultureInfo.InvariantCulture, $"base_model: {known.Repository}\n");
        }
        text.Append("tags:\n- long-context\n- skipwise\n---\n\n");
        text.Append(CultureInfo.InvariantCulture, $"# {Markdown.Escape(_name)}\n\n{Markdown.Escape(Summary(model))}\n\n");
        text.Append(Table("How it was made", ["", ""], Made(model)));
        text.Append(Table("What was measured", ["task", "metric", "tokens", "value", "standard error"], [.. _measured.Select(Cells)]));
        text.Append(Table("Programs that run it", ["program", "runs it as it was trained", "how, or why not"], [.. _verdicts.Select(
            verdict => (string[])[verdict.Route.Engine, verdict.Route.Possible ? "yes" : "no", verdict.Route.How])]));
        text.Append("## Load it\n\n");
        foreach ((ExportTarget program, string language, string code) in Loading(model).Where(way => Runs(way.Program)))
        {
            text.Append(CultureInfo.InvariantCulture, $"{NameOf(program)}:\n\n```{language}\n{code}\n```\n\n");
        }
        return text.Append("Its license is that of the base model.\n").ToString();
    }

    private string? BaseModel => _run is null ? null : At(_run, "model");

    /// <summary>The record of the run that made a model: its own, or that of the folder which it is a part of.</summary>
    private static string? RunOf(string folder)
    {
        string? above = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        string? owner = Last(folder) is FineTune.MergedName or RunFolder.BestName ? above : null;
        return ((string?[])[folder, owner]).OfType<string>().Select(place => Path.Combine(place, RunFolder.OptionsName))
            .FirstOrDefault(File.Exists);
    }

    /// <summary>The base as the hub names it; null if it is a folder, even if its path reads like such a name.</summary>
    private HubModelId? HubBase => BaseModel is { } named && !Path.Exists(named) && HubModelId.TryParse(named) is { } id
        && HubCache.Find(HubSettings.CacheOfThisProcess(), id) is not null ? id : null;

    private string Summary(DecoderConfig model)
    {
        string window = model.MaxPositionEmbeddings == _original ? $"A model with a window of {_original} tokens."
            : $"A model with a window of {model.MaxPositionEmbeddings} tokens, extended from {_original}.";
        return _run is not null && At(_run, "positions.mode") is "pose"
            ? window + " It was fine-tuned by PoSE (positional skip-wise training, arXiv:2309.10400) on short windows whose position ids " +
                "skip."
            : window;
    }

    private List<string[]> Made(DecoderConfig model)
    {
        RopeOptions rope = model.Rope;
        List<string[]> rows =
        [
            ["RoPE scaling", rope.Type == RopeType.Default ? "none" : string.Create(CultureInfo.InvariantCulture,
                $"{RopeTypeNames.NameOf(rope.Type)} by {rope.Factor:0.####} of {rope.OriginalMaxPositionEmbeddings} tokens")],
            ["base of the frequencies", rope.Theta.ToString("0.####", CultureInfo.InvariantCulture)],
        ];
        if (_run is null)
        {
            return rows;
        }
        rows.Insert(0, ["base model", HubBase?.ToString() ?? (BaseModel is { Length: > 0 } named ? Last(named) : "unknown")]);
        rows.AddRange(s_options.Select(option => (option.Name, Value: At(_run, option.Path)))
            .Where(option => option.Value is not null).Select(option => (string[])[option.Name, option.Value!]));
        if (_run["data"] is JsonObject data && data["paths"] is JsonArray { Count: > 0 } paths)
        {
            // names alone: folders are the user's own
            IEnumerable<string> names = paths.Select(path => $"{path}").Where(path => path != "").Select(Last);
            rows.Add(["data", string.Join(", ", names)]);
        }
        rows.Add(["made with", $"Skipwise {typeof(ModelCard).Assembly.GetName().Version?.ToString(3)}"]);
        return rows;
    }

    private IEnumerable<(ExportTarget Program, string Language, string Code)> Loading(DecoderConfig model)
    {
        string name = _name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-') ? _name : $"\"{_name}\"";
        string transformers =
            $"""
            from transformers import AutoModelForCausalLM, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained("{_name}")
            model = AutoModelForCausalLM.from_pretrained("{_name}", device_map="auto")
            """;
        yield return (Runs(ExportTarget.Transformers5) ? ExportTarget.Transformers5 : ExportTarget.Transformers4, "python", transformers);
        yield return (ExportTarget.Vllm, "sh", $"vllm serve {name} --max-model-len {model.MaxPositionEmbeddings}");
        yield return (ExportTarget.Mlx, "sh", $"mlx_lm.generate --prompt \"Once upon a time\" --model {name}");
        yield return (ExportTarget.LlamaCpp, "sh",
            $"skipwise export --out model.gguf --model {name}\nllama-cli -m model.gguf -c {model.MaxPositionEmbeddings}");
    }

    private bool Runs(ExportTarget program) => _verdicts.First(verdict => verdict.Program == program).Route.Possible;

    private string NameOf(ExportTarget program) => _verdicts.First(verdict => verdict.Program == program).Route.Engine;

    /// <summary>The last values of an evaluation during training.</summary>
    private static IReadOnlyList<MeasuredValue> DuringTraining(string folder)
    {
        string path = new RunFolder(folder).EvaluationsPath;
        EvaluationPoint[] points = File.Exists(path) ? [.. JsonLines.Read<EvaluationPoint>(path)] : [];
        return [.. points.Where(point => point.Step == points[^1].Step)
            .Select(point => new MeasuredValue(point.Task, point.Metric, point.Length, point.Value, point.StandardError))];
    }

    /// <summary>The values of whole windows and tasks that a comparison has of the model.</summary>
    private static IReadOnlyList<MeasuredValue> OfResults(string folder, IReadOnlyList<string> names)
    {
        var store = ResultsStore.OpenExisting(folder);
        IReadOnlyList<ComparedModel> models = store.ReadPlan().Models;
        ComparedModel model = models.FirstOrDefault(compared => names.Contains(compared.Name)) ?? throw new SkipwiseException(
            $"{OptionName.Of(nameof(ExportModelOptions.Results))} {folder}: has no results of {names[0]}, only of " +
            $"{string.Join(", ", models.Select(compared => compared.Name))}. Compare a model of that name");
        return [.. model.Measurements.SelectMany(store.Find).Where(record => record.Positions is null)
            .Select(record => new MeasuredValue(record.Task, record.Metric, record.Length, record.Value, record.StandardError))];
    }

    private static string[] Cells(MeasuredValue measured) =>
    [
        measured.Task, measured.Metric, $"{measured.Length}", Number(measured.Value),
        measured.StandardError is { } error ? Number(error) : "",
    ];

    private static string? At(JsonObject root, string path) =>
        path.Split('.').Aggregate((JsonNode?)root, (node, key) => (node as JsonObject)?[key])?.ToString();

    /// <summary>The last name of a path of any system: a run may have been made on another one.</summary>
    private static string Last(string path) => path.Contains('\\') ? path.TrimEnd('\\')[(path.TrimEnd('\\').LastIndexOf('\\') + 1)..]
        : ExportModel.NameOf(path);

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);

    private static string Table(string heading, string[] columns, List<string[]> rows) => rows.Count == 0 ? ""
        : $"## {heading}\n\n{Row(columns)}{Row([.. columns.Select(_ => "---")])}{string.Concat(rows.Select(Row))}\n";

    private static string Row(string[] cells) =>
        $"| {string.Join(" | ", cells.Select(cell => cell == "---" ? cell : Markdown.Escape(cell)))} |\n";

    /// <summary>A row of the card.</summary>
    private sealed record MeasuredValue(string Task, string Metric, int? Length, double Value, double? StandardError);
}
