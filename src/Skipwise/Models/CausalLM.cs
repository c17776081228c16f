using Skipwise.Kernels;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using Skipwise.Runtime;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// A decoder-only language model. Parameter names are Hugging Face's Llama names (model.layers.0.self_attn.q_proj.weight, ...).
/// Position ids are never optional: contiguous and skipped positions take one code path.
/// </summary>
/// <example>
/// <code>
/// using TorchSharp;
///
/// using CausalLM model = new(new()
/// {
///     VocabSize = 1000, HiddenSize = 64, IntermediateSize = 128, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 4,
///     HeadDim = 16, MaxPositionEmbeddings = 128,
/// });
/// using torch.Tensor ids = torch.tensor(new long[,] { { 5, 7, 11 } }), positions = torch.tensor(new long[,] { { 0, 1, 90 } });
/// using torch.Tensor logits = model.Logits(ids, positions); // [1, 3, 1000]
/// </code>
/// </example>
public sealed class CausalLM : nn.Module
{
    // B batch, T tokens, C hidden, V vocabulary
    private const string HeadName = "lm_head";

    private readonly Decoder _decoder;
    private readonly Projection? _head; // null when tied: the head then reads the embedding's own tensor
    private readonly HeadBias? _tiedBias; // a tied head's own bias, in some families
    private readonly Lock _frequencyLock = new();
    private Frequency? _frequency; // of the last rotation: computed and copied to the device once, not for every generated token

    /// <summary>A model with uninitialised weights.</summary>
    public CausalLM(DecoderConfig config, ScalarType dtype = ScalarType.Float32, Device? device = null) : base(nameof(CausalLM))
    {
        Config = config;
        device ??= CPU;
        _decoder = new Decoder(config, dtype, device);
        register_module(Decoder.Name, _decoder);
        if (!config.TieWordEmbeddings)
        {
            _head = new Projection(config.HiddenSize, config.VocabSize, config.HeadBias, dtype, device, ParameterRole.Head);
            register_module(HeadName, _head);
        }
        else if (config.HeadBias)
        {
            _tiedBias = new HeadBias(config.VocabSize, dtype, device);
            register_module(HeadName, _tiedBias);
        }
    }

    /// <summary>the architecture</summary>
    public DecoderConfig Config { get; }

    /// <summary>Source of the LoRA dropout masks.</summary>
    public KeyedDropout Dropout { get; } = new();

    /// <summary>The output head's weight [V, C]; the embedding's own tensor when tied.</summary>
    public Parameter HeadWeight => _head?.weight ?? _decoder.Embedding.weight;

    /// <summary>Embedding, layers and final norm.</summary>
    internal Decoder Decoder => _decoder;

    /// <summary>The output head's bias [V]; null: none.</summary>
    internal Parameter? HeadBiasWeight => _head?.bias ?? _tiedBias?.bias;

    /// <summary>All parameters that the logits depend on besides the hidden states.</summary>
    internal IEnumerable<Parameter> HeadParameters => _head?.parameters() ?? [HeadWeight, .. _tiedBias?.parameters() ?? []];

    /// <summary>Whether the logits are a plain matrix product with <see cref="HeadWeight"/>.</summary>
    internal bool IsHeadLinear =>
        (_head is null or { bias: null, Lora: null, Quantized: null }) && _tiedBias is null && !Config.NormalizedHead;

    /// <summary>device of the weights</summary>
    public Device Device => _decoder.Embedding.weight.device;

    /// <summary>Batch and chunk sizes for the model's device.</summary>
    internal WorkBudget Budget => WorkBudget.For(Device);

    /// <summary>Element type of the computation; matrices may be stored in half precision (<see cref="HalfWeightLinear"/>).</summary>
    public ScalarType Dtype => _decoder.Dtype;

    /// <summary>
    /// Whether the rotation depends on the sequence length (dynamic NTK, longrope): only sequences of one length can then share keys.
    /// </summary>
    public bool RotationDependsOnLength => RopeFrequency.DependsOnLength(Config.Rope);

    /// <summary>Whether texts of these two lengths, in tokens, get the same rotation, so that they can share keys.</summary>
    public bool HaveSameRotation(int length, int other) => RopeFrequency.AreEqualAt(Config.Rope, length, other);

    /// <summary>The rotation for a batch.</summary>
    /// <param name="positionIds">int64 [B, T] or [1, T], on the model's device</param>
    /// <param name="sequenceLength">
    /// largest position of the whole batch + 1, cached tokens included, as in transformers; with skipped positions it exceeds the token
    /// count. Only length-dependent scalings (dynamic NTK, longrope) read it
    /// </param>
    public Rotary RotaryFor(Tensor positionIds, int sequenceLength)
    {
        lock (_frequencyLock)
        {
            string device = positionIds.device.ToString();
            if (_frequency is null || _frequency.Device != device || !HaveSameRotation(_frequency.Length, sequenceLength))
            {
                _frequency?.InvFreq.Dispose();
                RopeFrequencies values = RopeFrequency.Compute(Config.Rope, Config.RotaryDim, sequenceLength);
                Tensor there = HostToDevice.Copy(tensor(values.InvFreq, dtype: ScalarType.Float64), positionIds.device)
                    .DetachFromDisposeScope();
                _frequency = new(sequenceLength, device, there, values);
            }
            return Rotary.Create(_frequency.InvFreq, _frequency.Values, positionIds, Config.RotaryLayout);
        }
    }

    /// <summary>Hidden states after the final norm.</summary>
    /// <param name="inputIds">int64 [B, T]</param>
    /// <returns>[B, T, C]</returns>
    public Tensor HiddenStates(Tensor inputIds, Rotary rotary, IForwardCache? cache = null) => _decoder.Forward(inputIds, rotary, cache);

    /// <summary>The blocks of <see cref="HiddenStates"/> one by one, for a layer-by-layer backward.</summary>
    /// <inheritdoc cref="Decoder.Blocks"/>
    internal IReadOnlyList<Block> Blocks(int tokens, Rotary rotary, int[] documents) => _decoder.Blocks(tokens, rotary, documents, null);

    /// <inheritdoc cref="Decoder.EmbeddingBlock"/>
    internal Block EmbeddingBlock => _decoder.EmbeddingBlock;

    /// <summary>
    /// The block from hidden states to logits. A tied head's weight is the embedding's parameter and not one of this block.
    /// </summary>
    internal Block HeadBlock => new(HeadName, (nn.Module?)_head ?? _tiedBias, Logits, Residence);

    /// <summary>Where the parameters are while they are not computed with; null: in place.</summary>
    internal IParameterResidence? Residence
    {
        get => _decoder.Residence;
        set => _decoder.Residence = value;
    }

    /// <summary>Brings what the logits depend on in place until the result is disposed.</summary>
    internal IDisposable? GatherHead() => Residence?.Gather(HeadParameters);

    /// <param name="inputIds">int64 [B, T]</param>
    /// <returns>[B, T, C], the input of the first of <see cref="Blocks"/></returns>
    internal Tensor Embed(Tensor inputIds) => _decoder.Embed(inputIds);

    /// <summary>Logits over the vocabulary.</summary>
    /// <param name="hidden">[..., C]</param>
    /// <returns>[..., V]</returns>
    public Tensor Logits(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        using IDisposable? present = GatherHead();
        Tensor logits = Projection.Linear(hidden, HeadWeight, HeadBiasWeight);
        if (Config.NormalizedHead)
        {
            // normalizes rows without a second copy of the head (half precision is converted for the product): x . w / |w|
            logits /= HeadWeight.to(hidden.dtype).norm(1, keepdim: false, p: 2).clamp_min(1e-12);
        }
        return logits.MoveToOuterDisposeScope();
    }

    /// <summary>Hidden states and head in one call, without a cache.</summary>
    /// <param name="inputIds">int64 [B, T]</param>
    /// <param name="positionIds">int64 [B, T] or [1, T]</param>
    /// <returns>[B, T, V]</returns>
    public Tensor Logits(Tensor inputIds, Tensor positionIds)
    {
        using var scope = NewDisposeScope();
        // synchronizes with the device only if the number is read
        using Rotary rotary = RotaryFor(positionIds, RotationDependsOnLength ? checked((int)positionIds.max().ToInt64() + 1) : 0);
        return Logits(HiddenStates(inputIds, rotary)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _frequency?.InvFreq.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>Bias of a head whose weight is the embedding's.</summary>
    private sealed class HeadBias : nn.Module, IParameterOwner
    {
        public Parameter bias { get; } // [V]

        ParameterRole IParameterOwner.Role => ParameterRole.Head;

        public HeadBias(int vocabulary, ScalarType dtype, Device device) : base(nameof(HeadBias))
        {
            bias = new Parameter(empty(vocabulary, dtype: dtype, device: device));
            register_parameter(nameof(bias), bias);
        }
    }

    /// <param name="Length">sequence length; lengths with equal frequencies share it</param>
    /// <param name="InvFreq">inverse frequencies, float64 [R/2]</param>
    private sealed record Frequency(int Length, string Device, Tensor InvFreq, RopeFrequencies Values);
}
