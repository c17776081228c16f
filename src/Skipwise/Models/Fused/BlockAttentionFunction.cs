using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Fused;

/// <summary><see cref="BlockAttention"/> with its backward, over one sequence per row or several documents laid end to end.</summary>
internal sealed class BlockAttentionFunction : autograd.SingleTensorFunction<BlockAttentionFunction>
{
    private const string Documents = "documents";

    public override string Name => nameof(BlockAttentionFunction);

    /// <param name="vars">query, key, value [B, T, H, D]; the documents' lengths (int[], summing to T); none: a row is one document</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        ctx.set_materialize_grads(false);
        using var scope = NewDisposeScope();
        Tensor query = ((Tensor)vars[0]).contiguous(), key = ((Tensor)vars[1]).contiguous(), value = ((Tensor)vars[2]).contiguous();
        var documents = (int[])vars[3];
        Tensor mixed, lse;
        if (documents.Length == 0)
        {
            (mixed, lse) = BlockAttention.Forward(query, key, value);
        }
        else
        {
            (mixed, lse) = (empty_like(query), empty([query.size(0), query.size(1), query.size(2)], ScalarType.Float32, query.device));
            ForEach(documents, (start, length) =>
            {
                Tensor Of(Tensor x) => x.narrow(1, start, length);
                (Tensor part, Tensor partLse) = BlockAttention.Forward(Of(query).contiguous(), Of(key).contiguous(), Of(value).contiguous());
                Of(mixed).copy_(part);
                Of(lse).copy_(partLse);
            });
        }
        Tensor[] kept = [query, key, value, mixed, lse];
        ctx.save_for_backward([.. kept.Select(tensor => tensor.MoveToOuterDisposeScope())]); // read after this method has returned
        ctx.save_data(Documents, documents);
        return mixed;
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) => FusedMath.Guarded(4, grad_output, () =>
    {
        List<Tensor> saved = ctx.get_saved_variables();
        var documents = (int[])ctx.get_data(Documents);
        Tensor gradient = grad_output.contiguous();
        if (documents.Length == 0)
        {
            (Tensor q, Tensor k, Tensor v) = BlockAttention.Backward(gradient, saved[0], saved[1], saved[2], saved[3], saved[4]);
            return [q, k, v, null];
        }
        Tensor query = empty_like(saved[0]), key = empty_like(saved[0]), value = empty_like(saved[0]);
        ForEach(documents, (start, length) =>
        {
            Tensor Of(Tensor x) => x.narrow(1, start, length).contiguous();
            (Tensor q, Tensor k, Tensor v) = BlockAttention.Backward(Of(gradient), Of(saved[0]), Of(saved[1]), Of(saved[2]), Of(saved[3]), Of(saved[4]));
            query.narrow(1, start, length).copy_(q);
            key.narrow(1, start, length).copy_(k);
            value.narrow(1, start, length).copy_(v);
        });
        return [query, key, value, null];
    });

    private static void ForEach(int[] documents, Action<long, long> visit)
    {
        long start = 0;
        foreach (int length in documents)
        {
            using var scope = NewDisposeScope();
            visit(start, length);
            start += length;
        }
    }
}
