using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Peft;
using Skipwise.Hub;
using Skipwise.Models;
using Skipwise.Storage;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>A model with everything of its folder: configuration, storage layout of the weights, tokenizer files.</summary>
/// <example>
/// <code>
/// using PretrainedModel pretrained = PretrainedModel.Load(new("llama-2-7b"));
/// int layers = pretrained.Model.Config.NumHiddenLayers;
/// pretrained.Save("copy"); // config.json, weights and tokenizer, byte for byte
/// </code>
/// </example>
public sealed partial class PretrainedModel : ITrainable, IDisposable
{
    /// <summary>bytes of weights per shard</summary>
    public const long DefaultShardBytes = 5_000_000_000;

    /// <summary>The kind of a folder with a whole model, for <see cref="AtomicFolder"/>.</summary>
    internal const string Kind = "model";

    private readonly WeightLayout _layout;
    private CompanionFiles _companions;

    private PretrainedModel(CausalLM model, HfConfig config, WeightLayout layout, string? folder, bool isFrozen = false)
    {
        Model = model;
        Config = config;
        _layout = layout;
        _companions = CompanionFiles.OfModel(folder);
        if (!isFrozen)
        {
            _companions.RequireAll(); // before loading, because the result would lack them
            Warnings = _companions.Warnings;
        }
    }

    /// <summary>The model.</summary>
    public CausalLM Model { get; }

    /// <summary>The config.json as it was read. <see cref="Model"/> may differ from it by rope and window.</summary>
    public HfConfig Config { get; }

    /// <summary>Warnings for the user about the folders that it was loaded from: weight files that are not read, weights that an adapter
    /// lacks.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>The number of weights that the adapter updated and replaced; null without an adapter.</summary>
    public (int Updated, int Replaced)? Merged { get; private set; }

    /// <inheritdoc/>
    public string? SavingNote { get; private set; }

    /// <summary>Whether saving rounds, because the files' type is smaller than the training type.</summary>
    public bool SavingLosesPrecision => _layout.Stored.Any(tensor => tensor.Type != Model.Dtype);

    /// <summary>The type that most matrices have in the files.</summary>
    internal ScalarType StoredMatrixType => _layout.Stored.Where(tensor => tensor.Parameter.Shape.Count > 1)
        .GroupBy(tensor => tensor.Type).MaxBy(type => type.Count())!.Key;

    /// <summary>Wraps a model that has no folder yet.</summary>
    /// <param name="model">becomes the property of the result</param>
    /// <param name="tokenizerFolder">folder whose tokenizer files are saved with it</param>
    public static PretrainedModel Create(CausalLM model, string? tokenizerFolder = null) =>
        Create(model, HfConfig.Create(model.Config), tokenizerFolder);

    /// <summary>Wraps a model of any family that has no folder yet.</summary>
    /// <param name="model">of the configuration; becomes the property of the result</param>
    /// <param name="config">decides the family's names of the weights</param>
    /// <param name="tokenizerFolder">folder whose tokenizer files are saved with it</param>
    internal static PretrainedModel Create(CausalLM model, HfConfig config, string? tokenizerFolder) =>
        new(model, config, WeightLayout.Default(config.Family, model.Config), tokenizerFolder);

    /// <summary>
    /// Loads a Hugging Face folder. Each tensor is read directly into its parameter, so the peak memory is about one copy of the model.
    /// </summary>
    /// <param name="source">the folder and the user's rope options</param>
    /// <param name="dtype">the type to compute in; saving uses the file's types</param>
    /// <param name="device">null is the CPU</param>
    /// <exception cref="SkipwiseException">a file is missing or broken, or the weights do not fit the configuration</exception>
    public static PretrainedModel Load(ModelSource source, ScalarType dtype = ScalarType.Float32, Device? device = null) =>
        Load(source, (source.Rope ?? new RopeOverrides()).Apply, dtype, device);

    /// <summary>Loads a folder's weights into a model whose rope and window are set by <paramref name="adapt"/>.</summary>
    /// <inheritdoc cref="Load(ModelSource, ScalarType, Device?)"/>
    public static PretrainedModel Load(
        ModelSource source, Func<DecoderConfig, DecoderConfig> adapt, ScalarType dtype = ScalarType.Float32, Device? device = null) =>
        OutOfMemory.Naming(source.Folder, () => Read(source, adapt, dtype, device));

    private static PretrainedModel Read(ModelSource source, Func<DecoderConfig, DecoderConfig> adapt, ScalarType dtype, Device? device)
    {
        source = source with
        {
            Folder = ModelFolder.Resolve(source.Folder),
            Adapter = source.Adapter is { } named ? ModelFolder.Resolve(named) : null,
        };
        // the adapter first: it is smaller, so its errors show early
        using LoraAdapter? read = source.Adapter is null ? null : LoraAdapter.Read(source.Adapter);
        HfConfig config = HfConfig.ForModel(source.Folder);
        DecoderConfig architecture = adapt(AdaptedRope(source, config.Model));
        if (source.FreezePadEmbedding)
        {
            architecture = architecture with { FrozenEmbeddingRow = architecture.PadTokenId };
        }
        using WeightFiles weights = WeightFiles.Open(source.Folder);
        WeightLayout layout = WeightLayout.Match(weights, config.Family, architecture);
        TiedAdapter? tied = read is null || !architecture.TieWordEmbeddings ? null
            : TiedAdapter.Create(read, config.Family.StoredName(ModelFamily.EmbeddingName), config.Family.StoredName(ModelFamily.HeadName),
                source.Adapter!);
        LoraAdapter? adapter = tied?.Adapter ?? read;
        bool getsHead = tied is { Parts: true };
        architecture = getsHead ? architecture with { TieWordEmbeddings = false } : architecture;
        var model = new CausalLM(architecture, dtype, device);
        try
        {
            model.Residence = source.Residence?.Invoke(model);
            bool isMerged = source.Adapter is not null; // an adapter is merged into weights that are not quantized
            using (var targets = new WeightTargets(model, isMerged ? null : source.QuantizationBits, map: true))
            {
                if (source.InferenceOnly && !isMerged && dtype == ScalarType.Float32 && model.Device.type == DeviceType.CPU)
                {
                    targets.KeepStoredTypes(layout);
                }
                Fill(targets, weights, layout);
            }
            WeightLayout own = getsHead ? layout.Untied(config.Family) : layout;
            var pretrained = new PretrainedModel(model, config, own, source.Folder, source.InferenceOnly);
            if (getsHead)
            {
                pretrained.CopyEmbeddingToHead();
            }
            if (adapter is not null)
            {
                pretrained.Merge(adapter, source.Adapter!);
            }
            pretrained.Warnings =
                [.. pretrained.Warnings, .. adapter?.Warnings ?? [], .. UnreadWeights.Warnings(source.Folder, weights.Paths)];
            return pretrained;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The configuration that <see cref="Load(ModelSource, ScalarType, Device?)"/> would use, from config.json alone.</summary>
    /// <exception cref="SkipwiseException">a config.json is missing or broken, or an impossible rope</exception>
    public static DecoderConfig Architecture(ModelSource source) =>
        (source.Rope ?? new RopeOverrides()).Apply(AdaptedRope(source, HfConfig.ForModel(source.Folder).Model));

    /// <summary>The rope and window of the adapter's own config.json, under which it was trained, if it has one.</summary>
    private static DecoderConfig AdaptedRope(ModelSource source, DecoderConfig model)
    {
        if (source.Adapter is null || ModelFolder.Resolve(source.Adapter) is not { } adapter
            || !File.Exists(Path.Combine(adapter, HfConfig.FileName)))
        {
            return model;
        }
        DecoderConfig adapted = HfConfig.ForModel(adapter).Model;
        return model with { Rope = adapted.Rope, MaxPositionEmbeddings = adapted.MaxPositionEmbeddings };
    }

    /// <summary>
    /// Loads the weights of another folder of the same architecture, as a resumed run does. The parameters keep their memory, which an
    /// optimizer refers to.
    /// </summary>
    /// <exception cref="SkipwiseException">a file is missing or broken, or the weights do not fit the model</exception>
    public void ReadWeights(string folder)
    {
        using WeightFiles weights = WeightFiles.Open(folder);
        using var targets = new WeightTargets(Model, bits: null, map: false);
        Fill(targets, weights, WeightLayout.Match(weights, Config.Family, Model.Config));
    }

    private void CopyEmbeddingToHead()
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Model.HeadWeight.copy_(Model.named_parameters().First(p => p.name == ModelFamily.EmbeddingName).parameter);
    }

    /// <summary>Merges a LoRA adapter into the weights.</summary>
    /// <param name="folder">the adapter's, for error messages</param>
    /// <exception cref="SkipwiseException">the adapter is for another model; the weights are unchanged</exception>
    private void Merge(LoraAdapter adapter, string folder)
    {
        Merged = new(adapter.Weights.Count, adapter.Base.Count + adapter.FullWeights.Count);
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        var parameters = Model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var stored = Config.Family.StoredParameters(Model.Config).ToDictionary(s => s.Name, s => s.Blocks);
        adapter.MergeInto(name => stored.TryGetValue(name, out IReadOnlyList<RowBlock>? blocks)
            ? [.. blocks.Select(block => Rows(parameters, block))] : null, folder);
    }

    /// <summary>Rows of parameters, which are gathered once if they are divided among ranks.</summary>
    private IEnumerable<Tensor> Parts(Dictionary<string, Parameter> parameters, IReadOnlyList<RowBlock> blocks)
    {
        using IDisposable? present = Model.Residence?.Gather(blocks.Select(block => parameters[block.Canonical]).Distinct());
        foreach (RowBlock block in blocks)
        {
            yield return Rows(parameters, block);
        }
    }

    private static Tensor Rows(Dictionary<string, Parameter> parameters, RowBlock block) =>
        parameters[block.Canonical].narrow(0, block.FirstRow, block.Rows);

    private static void Fill(WeightTargets targets, WeightFiles weights, WeightLayout layout)
    {
        using IDisposable noGradient = no_grad();
        var filled = new HashSet<string>();
        foreach ((StoredParameter stored, _) in layout.Stored)
        {
            using var scope = NewDisposeScope(); // views of rows would keep a weight alive that has been quantized
            StoredTensor tensor = weights.Tensors[stored.Name];
            if (stored.Blocks is [{ Canonical: string canonical }] && !filled.Add(canonical))
            {
                using IDisposable? whole = targets.Gather(canonical);
                CheckTiedHead(tensor, targets.Parameter(canonical));
                continue;
            }
            if (stored.Blocks.Count > 1 && tensor.Entry.View is not null)
            {
                Divide(tensor, stored.Blocks, targets);
            }
            else
            {
                FillBlocks(tensor, stored.Blocks, targets);
            }
            RequireFinite(tensor, stored.Blocks, targets);
            targets.MarkFilled(stored.Blocks);
        }
    }

    /// <summary>Refuses weights with NaN or infinity, and names the tensor.</summary>
    private static void RequireFinite(StoredTensor tensor, IReadOnlyList<RowBlock> blocks, WeightTargets targets)
    {
        if (!blocks.Any(block => FiniteCheck.HasNonFinite(targets.Rows(block))))
        {
            return;
        }
        using Tensor stored = tensor.File.Read(tensor.Entry);
        double largest = FiniteCheck.MaxAbs(stored);
        throw new SkipwiseException($"{tensor.File.Path}: tensor {tensor.Entry.Name}: " + (double.IsFinite(largest)
            ? FiniteCheck.OverflowMessage(largest, targets.Rows(blocks[0]).dtype)
            : $"{FiniteCheck.NonFiniteMessage(largest)}: the file is damaged or its training diverged. Fetch it again, or use another " +
                $"checkpoint"));
    }

    /// <summary>Fills blocks whose rows are contiguous in the file: maps them if possible, else reads them.</summary>
    private static void FillBlocks(StoredTensor tensor, IReadOnlyList<RowBlock> blocks, WeightTargets targets)
    {
        long row = 0;
        foreach (RowBlock block in blocks)
        {
            TensorEntry entry = blocks.Count == 1 ? tensor.Entry : tensor.Entry.Rows(row, block.Rows);
            if (!targets.TryMap(block, tensor.File, entry))
            {
                tensor.File.ReadInto(entry, targets.Rows(block));
            }
            row += block.Rows;
        }
    }

    /// <summary>Reads a fused tensor whose blocks' rows are not contiguous as a whole, then divides it.</summary>
    private static void Divide(StoredTensor tensor, IReadOnlyList<RowBlock> blocks, WeightTargets targets)
    {
        using Tensor joined = tensor.File.Read(tensor.Entry);
        long row = 0;
        foreach (RowBlock block in blocks)
        {
            targets.Rows(block).copy_(joined.narrow(0, row, block.Rows));
            row += block.Rows;
        }
    }

    void ITrainable.ReadWeights(string folder)
    {
        ReadWeights(folder);
        ReadCompanions(folder);
    }

    /// <summary>
    /// Takes the tokenizer's files from a checkpoint of this model, because the base model's folder may have changed since the run began.
    /// </summary>
    internal void ReadCompanions(string checkpoint) => _companions = new CompanionFiles(checkpoint);

    /// <summary>Writes the files besides the weights: config.json and the tokenizer's files.</summary>
    /// <param name="type">the type that all weights were cast to; else null</param>
    internal void WriteCompanions(string folder, string? type = null)
    {
        AtomicFile.WriteText(Path.Combine(folder, HfConfig.FileName), Config.TextFor(Model.Config, type));
        _companions.Write(folder);
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    /// <summary>Checks that a stored head of a tied model equals the embedding; otherwise the configuration is wrong.</summary>
    private static void CheckTiedHead(StoredTensor tensor, Tensor parameter)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor head = empty_like(parameter);
        tensor.File.ReadInto(tensor.Entry, head);
        if (!head.Equals(parameter))
        {
            throw new SkipwiseException(
                $"{tensor.File.Path}: tensor {tensor.Entry.Name}: differs from the embedding, but {HfConfig.FileName} says " +
                $"tie_word_embeddings: true. Set it to false to use both, or remove this tensor");
        }
    }
}
