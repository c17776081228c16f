using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Decodes the texts one after another by the model's own forward: for every model and device. It defines what other steps
/// compute.</summary>
internal sealed class TorchDecodeStep(CausalLM model, PagedCache cache) : IDecodeStep
{
    private Tensor? _logits;

    /// <inheritdoc/>
    public bool RecordsAttention => false;

    /// <inheritdoc/>
    public Tensor Run(ReadOnlySpan<DecodeRow> rows)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _logits?.Dispose();
        Tensor logits = empty([rows.Length, model.Config.VocabSize], ScalarType.Float32, model.Device);
        for (int row = 0; row < rows.Length; row++)
        {
            using var own = NewDisposeScope();
            cache.Text = rows[row].Text;
            int length = cache.Length;
            Tensor id = TokenTensor.Create(model, [[rows[row].Id]]);
            using Rotary rotary = model.RotaryFor(cache.NextPositions(1), length + 1);
            logits[row].copy_(model.Logits(model.HiddenStates(id, rotary, cache)[0, 0]));
        }
        return _logits = logits.DetachFromDisposeScope();
    }

    public void Dispose() => _logits?.Dispose();
}
